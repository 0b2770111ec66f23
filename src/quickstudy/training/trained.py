"""A run read back from its folder: its learner, and the data its tasks came from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from quickstudy.describe import Description, build
from quickstudy.errors import UserError, require
from quickstudy.learners import Learner
from quickstudy.tasks import (
    Data,
    Images,
    Rows,
    TaskSource,
    open_source,
    source_class,
)
from quickstudy.tasks.registry import make
from quickstudy.tasks.rows import tasks_in
from quickstudy.tasks.table import read_table
from quickstudy.tasks.table_form import TableForm
from quickstudy.training.checkpoint import Classes, load
from quickstudy.training.details import read_details
from quickstudy.training.drawn import Drawn, old_settings

QUERY = 15
"""Query rows of a task of a table, if no number is asked for."""


@dataclass(frozen=True)
class Trained:
    """A run that was trained, read back from its folder.

    It was made by :func:`~quickstudy.train`, the command line or ``quickstudy fit``.

    Attributes:
        folder: The run's folder.
        learner: Its learner: the best by validation, else the last.
        details: The contents of its ``run.json``.
        classes: The user's classes that it uses.
    """

    folder: Path
    learner: Learner
    details: Mapping[str, Any]
    classes: tuple[str | type, ...] = ()

    @classmethod
    def read(
        cls, run: str | Path, model: nn.Module | None = None, classes: Classes = ()
    ) -> "Trained":
        """Read the run in the folder ``run``.

        Raises:
            UserError: If it is no run's folder, or it cannot be read.
        """
        folder, known = Path(run), tuple(classes)
        details = read_details(folder)
        return cls(folder, load(folder, model, known), details, known)

    @classmethod
    def near(
        cls, run: str | Path, model: nn.Module | None = None, classes: Classes = ()
    ) -> "Trained":
        """Read a run's folder or a checkpoint, whose ``run.json`` may be missing.

        Raises:
            UserError: If there is no checkpoint, or it cannot be read.
        """
        path, known = Path(run), tuple(classes)
        learner = load(path, model, known)
        folder = path if path.is_dir() else path.parent
        return cls(folder, learner, _details_if_any(folder), known)

    def image_form(self) -> dict[str, Any]:
        """Give the size, channels and ink of the folder of images that it learned from.

        It is empty if it learned from other data.
        """
        found = self._arguments(Images) or {}
        return {name: found[name] for name in ("size", "channels", "ink") if name in found}

    def table_form(self) -> TableForm | None:
        """Give the form of the rows of the table with tasks that it learned from; None without one.

        Raises:
            UserError: If the table can no longer be read.
        """
        if self.fitted_table is not None:
            return self.fitted_table
        rows = self.rows()
        return None if rows is None or rows.task is None else rows.form

    def rows(self) -> Rows | None:
        """Open the table file that it learned from; None if it learned from other data."""
        if not self.learned_from(Rows):
            return None
        found = self.data()
        return found if isinstance(found, Rows) else None

    @property
    def fitted_table(self) -> TableForm | None:
        """The form of its table's rows, if ``quickstudy fit`` made it."""
        return TableForm.from_dict(self.details["table"]) if "table" in self.details else None

    @property
    def source_name(self) -> str:
        """The name of the data that it learned from: glyphs, images, sinusoid, ..."""
        drawn = self._drawn()
        if drawn is not None:
            return drawn.name
        said = self.details.get("source")
        return str(said.get("source", "")).partition("/")[0] if isinstance(said, dict) else ""

    def learned_from(self, kind: type[Data]) -> bool:
        """Say whether it learned from data of class ``kind``."""
        return self._arguments(kind) is not None

    def _arguments(self, kind: type[Data]) -> dict[str, Any] | None:
        """Give the arguments of the data, if they are of class ``kind``."""
        drawn = self._drawn()
        return None if drawn is None else drawn.arguments(kind)

    def same_data(self, other: "Trained") -> bool:
        """Say whether another run learned from the same data, as far as both are known."""
        own, others = self._drawn(), other._drawn()
        if own is None or others is None:
            return bool(self.details.get("source") == other.details.get("source"))
        return own.is_same_data(others)

    def options(self) -> dict[str, Any]:
        """Give the options of its training tasks: way, shot, ..."""
        drawn = self._drawn()
        found = {} if drawn is None else dict(drawn.options)
        # a network may be trained on tasks of fewer classes than it is meant for
        trained_on = ("way", "shot") if "batch_size" in found else tuple(found)
        asked = self._asked()
        return found | {name: asked[name] for name in asked if name in trained_on}

    def _asked(self) -> dict[str, Any]:
        """Give the way and shot that the command line was asked for."""
        settings = self.details.get("settings")
        given = settings if isinstance(settings, dict) else {}
        found = {name: given.get(name) for name in ("way", "shot")}
        return {name: value for name, value in found.items() if value is not None}

    def data(self, other: str | Path | None = None, **changed: Any) -> Data:
        """Open the data that it learned from, or ``other`` data, read in the same way.

        Args:
            other: A name, a path or an import path, see :func:`~quickstudy.tasks.open_source`.
            changed: Options of the data that differ from training.

        Raises:
            UserError: If the data is not known, or cannot be opened.
        """
        drawn, given = self._drawn(), _given(changed)
        if other is not None:
            return _other(drawn, other, given)
        if drawn is None:
            raise UserError(self._unknown())
        return drawn.open(self.classes, given)

    def tasks(
        self,
        data: str | Path | Data | None = None,
        split: str | None = None,
        changed: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> TaskSource:
        """Make tasks to judge the run on.

        They are as in training, except for the options that are given.

        Args:
            data: Other data; by default the data of training.
            split: Which part of the data; by default the test split, and all of other data.
            changed: Options of the data that differ from training.
            options: Options of the tasks (way, shot, query, ...); None keeps the value of training.

        Raises:
            UserError: If the data is not known, or has no such tasks.
        """
        given = _given(options)
        if "table" in self.details:
            require(split is None and not changed, "A run of quickstudy fit has no splits.")
            return self._rows(None if data is None else Path(str(data)), given)
        if data is None and self._has_own_source():
            return self._own(given)
        opened = data if isinstance(data, Data) else self.data(data, **(changed or {}))
        part = ("test" if data is None else "all") if split is None else split
        return opened.evaluation(part, **(self._fitting(opened) | given))

    def _has_own_source(self) -> bool:
        """Say whether it learned from a source that is described, but not drawn from data."""
        return self._drawn() is None and self.details.get("tasks") is not None

    def _own(self, options: Mapping[str, Any]) -> TaskSource:
        """Make tasks of a user's source, by its description."""
        message = "These tasks are of a source of your own, which has no options."
        require(not options, f"{message} Found {sorted(options)}.")
        source = build(self.details["tasks"], self.classes)
        good = isinstance(source, TaskSource)
        require(good, f"{self.folder / 'run.json'} should describe tasks. It is damaged.")
        found: TaskSource = source
        return found

    def _fitting(self, data: Data) -> dict[str, Any]:
        """Give the way and shot of training, as far as the tasks of ``data`` have such options."""
        known = data.options()
        own = self.options()
        return {name: own[name] for name in ("way", "shot") if name in own and name in known}

    def _rows(self, file: Path | None, options: dict[str, Any]) -> TaskSource:
        """Make tasks of the table that the run was fitted to, or of another file's columns."""
        form, source = self.fitted_table, self.details["source"]
        assert form is not None
        frame = read_table(Path(source["file"]) if file is None else file, form.schema.asked)
        _check_table_options(options)
        label = "all rows, which were learned from" if file is None else str(file)
        tasks = replace(tasks_in(frame, source["task"], form), label=f"table/{label}")
        return tasks.episodes(options.get("shot", 5), options.get("query", QUERY))

    def _drawn(self) -> Drawn | None:
        """Read the description of its tasks; None without one, or if they are not drawn."""
        description = self._description()
        return None if description is None else Drawn.of(description)

    def _description(self) -> Description | None:
        """Give the description of its tasks, in the terms of this version."""
        found: Description | None = self.details.get("tasks")
        if found is None and "settings" in self.details:
            return old_settings(self.details["settings"])
        return found

    def _unknown(self) -> str:
        return (
            f"Run {self.folder} does not say what data it learned from (arrays in memory, or a "
            "function of your own): name data by --data, or pass a source to qs.evaluate."
        )


def _details_if_any(folder: Path) -> dict[str, Any]:
    """Read the ``run.json`` of ``folder``; empty if it cannot be read."""
    try:
        return read_details(folder)
    except UserError:
        return {}


def _check_table_options(options: Mapping[str, Any]) -> None:
    """Raise if tasks of a table do not have an option."""
    unknown = sorted(set(options) - {"shot", "query"})
    message = f"Tasks of a table have no option {unknown[:1]}. They have shot, query."
    require(not unknown, message)


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Give the options that are not None."""
    return {name: value for name, value in options.items() if value is not None}


def _other(drawn: Drawn | None, other: str | Path, changed: dict[str, Any]) -> Data:
    """Open other data: with the options of the training data, if both are of one class."""
    kind, decided = source_class(other)
    own = drawn.arguments(kind) if drawn is not None and decided else None
    if own is None:
        return open_source(other, **changed)
    (place,) = decided
    more = {"scaled_by": own[place]} if issubclass(kind, Rows) else {}
    return make(kind, own | more | decided | changed)


__all__ = ["Trained", "read_details"]
