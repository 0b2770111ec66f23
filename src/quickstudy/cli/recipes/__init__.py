"""Good options for a learner on a kind of data, as plain data: one file for each family."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from quickstudy.cli import catalog

FOLDER = Path(__file__).parent
DATA = "data.json"
Options = dict[str, dict[str, Any]]
"""Values of options by their names, by the owner of the option: task, training, learner, model."""


Families = dict[str, dict[str, dict[str, Options]]]


@cache
def families() -> Families:
    """Give the recipes by the title of the family, the learner, and the kind of data."""
    return {one["title"]: one["learners"] for one in sorted(_files(), key=_order)}


def _files() -> Iterator[dict[str, Any]]:
    """Read the file of every family."""
    for path in FOLDER.glob("*.json"):
        if path.name != DATA:
            yield _read(path)


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def _order(family: dict[str, Any]) -> int:
    """Give the place of a family in the help."""
    return int(family["order"])


def recipe(learner: str, data: str) -> Options:
    """Give the recipe of ``learner`` for ``data``, a name or a path; empty without a recipe."""
    said = _about_data()
    kind = _kind_of(data, said)
    own = [recipes[learner] for recipes in families().values() if learner in recipes]
    whole: Options = {}
    for recipes in (said["defaults"], *own):
        for owner, values in recipes.get(kind, {}).items():
            whole[owner] = whole.get(owner, {}) | values
    return whole


@cache
def _about_data() -> dict[str, Any]:
    """Read the kinds of data, and the options that are good for every learner."""
    return _read(FOLDER / DATA)


def _kind_of(data: str, said: dict[str, Any]) -> str:
    """Name the kind of data, images or functions; empty if it is another."""
    source = catalog.source_of(data)
    if source == "arrays" and catalog.holds_images(data):
        return "images"
    return next((kind for kind in ("images", "functions") if source in said[kind]), "")


__all__ = ["families", "recipe"]
