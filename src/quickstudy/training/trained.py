"""A run read back from its folder: its learner, and the data its tasks came from."""

import json
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
from quickstudy.training.drawn import Drawn, old_settings

QUERY = 15
"""Query rows of a task of a table, if no number is asked for."""


@dataclass(frozen=True)
class Trained:
    """A run of :func:`~quickstudy.train`, the command line or ``quickstudy fit``.

    Attributes:
        folder: The run's folder.
        learner: Its learner: the best by validation, else the last.
        details: What its ``run.json`` holds.
        classes: Classes of the user's that it is made of.
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
        try:
            details = read_details(folder)
        except UserError:
            details = {}
        return cls(folder, learner, details, known)

    def image_form(self) -> dict[str, Any]:
        """The size, channels and ink of the folder of images it learned from; empty without one."""
        drawn = self._drawn()
        found = None if drawn is None else drawn.arguments(Images)
        names = ("size", "channels", "ink")
        return {} if found is None else {name: found[name] for name in names if name in found}

    def table_form(self) -> TableForm | None:
        """What the rows of the table with tasks that it learned from become; None without one.

        Raises:
            UserError: If the table cannot be read any more.
        """
        if self.fitted_table is not None:
            return self.fitted_table
        rows = self.rows()
        return None if rows is None or rows.task is None else rows.form

    def rows(self) -> Rows | None:
        """The table file that it learned from, if it was one."""
        if not self.learned_from(Rows):
            return None
        found = self.data()
        return found if isinstance(found, Rows) else None

    @property
    def fitted_table(self) -> TableForm | None:
        """What the rows of its table become, if ``quickstudy fit`` made it."""
        return TableForm.from_dict(self.details["table"]) if "table" in self.details else None

    @property
    def source_name(self) -> str:
        """What it learned from, in a word: glyphs, images, sinusoid, ..."""
        drawn = self._drawn()
        if drawn is not None:
            return drawn.name
        said = self.details.get("source")
        return str(said.get("source", "")).partition("/")[0] if isinstance(said, dict) else ""

    def learned_from(self, kind: type[Data]) -> bool:
        """Whether it learned from data of class ``kind``."""
        drawn = self._drawn()
        return drawn is not None and drawn.arguments(kind) is not None

    def same_data(self, other: "Trained") -> bool:
        """Whether another run learned from the same data, as far as both say it."""
        own, others = self._drawn(), other._drawn()
        if own is None or others is None:
            return self.details.get("source") == other.details.get("source")
        free = ("cache", "root", "rotations")
        parts = [{k: v for k, v in one.data.items() if k not in free} for one in (own, others)]
        return parts[0] == parts[1]

    def options(self) -> dict[str, Any]:
        """The options of its training tasks: way, shot, ..."""
        drawn = self._drawn()
        found = {} if drawn is None else dict(drawn.options)
        settings = self.details.get("settings")
        asked = settings if isinstance(settings, dict) else {}
        # a network may be trained on tasks of fewer classes than it is meant for
        trained_on = ("way", "shot") if "batch_size" in found else tuple(found)
        known = [name for name in ("way", "shot") if name in trained_on and name in asked]
        return found | {name: asked[name] for name in known if asked[name] is not None}

    def data(self, other: str | Path | None = None, **changed: Any) -> Data:
        """Open the data that it learned from, or ``other`` data, read as that was.

        Args:
            other: A name, a path or an import path, see :func:`~quickstudy.tasks.open_source`.
            changed: Options of the data that are to be others than in training.

        Raises:
            UserError: If the data is not known, or cannot be opened.
        """
        drawn = self._drawn()
        given = {name: value for name, value in changed.items() if value is not None}
        if other is not None:
            return self._other(drawn, other, given)
        require(drawn is not None, self._unknown())
        assert drawn is not None
        return drawn.open(self.classes, given)

    def tasks(
        self,
        data: str | Path | Data | None = None,
        split: str | None = None,
        changed: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> TaskSource:
        """Make tasks to judge the run on: as in training, but for the options that are given.

        Args:
            data: Other data; by default that of training.
            split: Which part of the data; by default the test split, and all of other data.
            changed: Options of the data that are to be others than in training.
            options: Options of the tasks (way, shot, query, ...); None is as in training.

        Raises:
            UserError: If the data is not known, or has no such tasks.
        """
        given = {name: value for name, value in options.items() if value is not None}
        if "table" in self.details:
            require(split is None and not changed, "A run of quickstudy fit has no splits.")
            return self._rows(None if data is None else Path(str(data)), given)
        drawn = self._drawn()
        if data is None and drawn is None and self.details.get("tasks") is not None:
            message = "These tasks are of a source of your own, which has no options."
            require(not given, f"{message} Found {sorted(given)}.")
            source = build(self.details["tasks"], self.classes)
            good = isinstance(source, TaskSource)
            require(good, f"{self.folder / 'run.json'} should describe tasks. It is damaged.")
            own: TaskSource = source
            return own
        opened = data if isinstance(data, Data) else self.data(data, **(changed or {}))
        trained = self._fitting(opened)
        where = split if split is not None else ("test" if data is None else "all")
        return opened.evaluation(where, **(trained | given))

    def _fitting(self, data: Data) -> dict[str, Any]:
        """The way and shot of training, as far as the tasks of ``data`` have such options."""
        known = data.options()
        own = self.options()
        return {name: own[name] for name in ("way", "shot") if name in own and name in known}

    def _other(self, drawn: Drawn | None, other: str | Path, changed: dict[str, Any]) -> Data:
        """Other data: if it is of the class of the training data, with the same options."""
        kind, decided = source_class(other)
        if drawn is None or not decided:
            return open_source(other, **changed)
        own = drawn.arguments(kind)
        if own is None:
            return open_source(other, **changed)
        (place,) = decided
        more = {"scaled_by": own[place]} if issubclass(kind, Rows) else {}
        return make(kind, own | more | decided | changed)

    def _rows(self, file: Path | None, options: dict[str, Any]) -> TaskSource:
        """Tasks of the table that the run was fitted to, or of another file with its columns."""
        form, source = self.fitted_table, self.details["source"]
        assert form is not None
        frame = read_table(Path(source["file"]) if file is None else file, form.schema.asked)
        label = "all rows, which were learned from" if file is None else str(file)
        unknown = sorted(set(options) - {"shot", "query"})
        message = f"Tasks of a table have no option {unknown[:1]}. They have shot, query."
        require(not unknown, message)
        tasks = replace(tasks_in(frame, source["task"], form), label=f"table/{label}")
        return tasks.episodes(options.get("shot", 5), options.get("query", QUERY))

    def _drawn(self) -> Drawn | None:
        description: Description | None = self.details.get("tasks")
        if description is None and "settings" in self.details:
            description = old_settings(self.details["settings"])
        return None if description is None else Drawn.of(description)

    def _unknown(self) -> str:
        return (
            f"Run {self.folder} does not say what data it learned from (arrays in memory, or a "
            "function of your own): name data by --data, or pass a source to qs.evaluate."
        )


def read_details(folder: Path) -> dict[str, Any]:
    """Read the ``run.json`` of a run's folder.

    Raises:
        UserError: If there is none, or it is damaged.
    """
    found = "a file" if folder.exists() else "no such folder"
    require(folder.is_dir(), f"{folder} should be a run's folder. Found {found}.")
    path = folder / "run.json"
    try:
        details = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{folder} should be a run's folder with a run.json. Found none: train with --out "
            f"{folder} first."
        ) from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} should hold JSON. It is damaged: {error}.") from None
    kind = type(details).__name__
    require(isinstance(details, dict), f"{path} should hold a JSON object. Found a {kind}.")
    found_details: dict[str, Any] = details
    return found_details


__all__ = ["Trained", "read_details"]
