"""The data, the split and the options in the description of a run's tasks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from quickstudy.describe import Description, build, path_of
from quickstudy.errors import UserError, require
from quickstudy.tasks import SOURCES, Data

_HALVES = ("split_rows", "split_tasks")
_TASKS = ("episodes", "supervised")
OLD_OPTIONS = {
    "glyphs": ("cache", "rotations"),
    "omniglot": ("root", "cache", "rotations", "split_by", "validation_alphabets"),
}
"""The options of data in version 0.1.0."""


@dataclass(frozen=True)
class Drawn:
    """Tasks that were drawn from data by a call of ``episodes``.

    Attributes:
        data: The description of the data.
        split: The split they were drawn from; None if from all of it.
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
        options = {key: value for key, value in description.items() if key not in ("call", "of")}
        inner = description["of"]
        split = None
        while isinstance(inner, dict) and "call" in inner:
            if inner["call"] == "split":
                split = inner.get("name")
            elif inner["call"] in _HALVES:
                return None
            inner = inner.get("of")
        named = isinstance(inner, dict) and isinstance(inner.get("class"), str)
        return cls(inner, split, options) if named else None

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
        unknown = [name for name in changed if name not in self.data]
        name = self.name
        told = ", ".join(f"`{one}`" for one in unknown)
        require(not unknown, f"Source {name} has no option {told}.")
        found = build({**self.data, **changed}, classes)
        if not isinstance(found, Data):
            raise UserError(f"A run's tasks should be of data with splits. Found {name}.")
        return found

    def arguments(self, kind: type) -> dict[str, Any] | None:
        """Give the arguments of the data, if it is of class ``kind``."""
        if self.data["class"] not in (kind.__name__, path_of(kind)):
            return None
        return {name: build(value) for name, value in self.data.items() if name != "class"}


def old_settings(settings: Any) -> Description | None:
    """Describe the tasks of a run of version 0.1.0, by the options of its command line.

    Raises:
        UserError: If the settings are not those of such a run.
    """
    require(isinstance(settings, dict), "A run.json should hold its settings. It is damaged.")
    needed = ("data", "way", "shot")
    lacking = [name for name in needed if name not in settings]
    require(
        not lacking,
        f"A run.json should hold the settings of training. It lacks {', '.join(lacking)}.",
    )
    name = settings["data"]
    options = {key: settings[key] for key in ("way", "shot")}
    if name == "sinusoid":
        variants = {"metasgd": "sinusoid_metasgd", "mixture": "mixture"}
        kind = SOURCES[variants.get(settings.get("variant"), "sinusoid")]
        return {"call": "episodes", "of": {"class": kind.__name__}, "shot": settings["shot"]}
    if name not in OLD_OPTIONS:
        return None
    arguments = {key: settings[key] for key in OLD_OPTIONS[name] if key in settings}
    data = {"class": SOURCES[name].__name__, **arguments}
    return {"call": "episodes", "of": {"call": "split", "of": data, "name": "train"}, **options}


__all__ = ["Drawn", "old_settings"]
