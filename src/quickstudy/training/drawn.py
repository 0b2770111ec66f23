"""The data, the split and the options in the description of a run's tasks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from quickstudy.describe import Description, build, path_of
from quickstudy.errors import UserError, require
from quickstudy.tasks import SOURCES, Data

_HALVES = ("split_rows", "split_tasks")
_TASKS = ("episodes", "supervised")
_FREE = ("cache", "root", "rotations")
OLD_OPTIONS = {
    "glyphs": ("cache", "rotations"),
    "omniglot": ("root", "cache", "rotations", "split_by", "validation_alphabets"),
}
"""The options of data in version 0.1.0."""


@dataclass(frozen=True)
class Drawn:
    """Tasks that were drawn from data.

    The data's method ``episodes`` (or ``supervised``) was called.

    Attributes:
        data: The description of the data.
        split: The split they were drawn from; None if from all data.
        options: The options of the tasks: way, shot, query, ...
    """

    data: Description
    split: str | None
    options: Mapping[str, Any]

    @classmethod
    def of(cls, description: Any) -> "Drawn | None":
        """Read the description of a source of tasks; None if it is another source."""
        if not isinstance(description, dict) or description.get("call") not in _TASKS:
            return None
        data, split = _data_of(description["of"])
        if not _is_named(data):
            return None
        options = {key: value for key, value in description.items() if key not in ("call", "of")}
        return cls(data, split, options)

    @property
    def name(self) -> str:
        """The name of the source: glyphs, images, ..."""
        names = {kind.__name__: name for name, kind in SOURCES.items()}
        return str(names.get(self.data["class"], self.data["class"]))

    def open(self, classes: tuple[str | type, ...], changed: Mapping[str, Any]) -> Data:
        """Open the data, with ``changed`` options.

        Raises:
            UserError: If it is not data, or cannot be opened.
        """
        self._check_options(changed)
        found = build({**self.data, **changed}, classes)
        if not isinstance(found, Data):
            raise UserError(f"A run's tasks should be of data with splits. Found {self.name}.")
        return found

    def _check_options(self, changed: Mapping[str, Any]) -> None:
        """Raise if the data has no such option."""
        unknown = ", ".join(f"`{name}`" for name in changed if name not in self.data)
        require(not unknown, f"Source {self.name} has no option {unknown}.")

    def is_same_data(self, other: "Drawn") -> bool:
        """Say whether both come from the same data, whatever its path and rotations."""
        return self._content() == other._content()

    def _content(self) -> dict[str, Any]:
        """Give the description of the data without the parts that may differ."""
        return {name: value for name, value in self.data.items() if name not in _FREE}

    def arguments(self, kind: type) -> dict[str, Any] | None:
        """Give the arguments of the data, if it is of class ``kind``."""
        if self.data["class"] not in (kind.__name__, path_of(kind)):
            return None
        return {name: build(value) for name, value in self.data.items() if name != "class"}


def _is_named(data: Any) -> bool:
    """Say whether ``data`` describes an object by its class."""
    return isinstance(data, dict) and isinstance(data.get("class"), str)


def _data_of(description: Any) -> tuple[Any, str | None]:
    """Give the description of data without the calls on it, and their split.

    The split is None if rows or tasks were halved.
    """
    split = None
    while isinstance(description, dict) and "call" in description:
        if description["call"] in _HALVES:
            return None, None
        if description["call"] == "split":
            split = description.get("name")
        description = description.get("of")
    return description, split


def old_settings(settings: Any) -> Description | None:
    """Describe the tasks of a run of version 0.1.0, by the options of its command line.

    Raises:
        UserError: If the settings do not belong to such a run.
    """
    _check_old(settings)
    name = settings["data"]
    if name == "sinusoid":
        data = {"class": SOURCES[_old_function(settings)].__name__}
        return {"call": "episodes", "of": data, "shot": settings["shot"]}
    if name not in OLD_OPTIONS:
        return None
    arguments = {key: settings[key] for key in OLD_OPTIONS[name] if key in settings}
    split = {"call": "split", "of": {"class": SOURCES[name].__name__, **arguments}, "name": "train"}
    return {"call": "episodes", "of": split, "way": settings["way"], "shot": settings["shot"]}


def _check_old(settings: Any) -> None:
    """Raise if ``settings`` lack a setting that every run of version 0.1.0 has."""
    require(isinstance(settings, dict), "A run.json should hold its settings. It is damaged.")
    lacking = ", ".join(name for name in ("data", "way", "shot") if name not in settings)
    require(not lacking, f"A run.json should hold the settings of training. It lacks {lacking}.")


def _old_function(settings: Mapping[str, Any]) -> str:
    """Give the name of the functions that version 0.1.0 called a variant of the sinusoid."""
    variants = {"metasgd": "sinusoid_metasgd", "mixture": "mixture"}
    return variants.get(str(settings.get("variant")), "sinusoid")


__all__ = ["Drawn", "old_settings"]
