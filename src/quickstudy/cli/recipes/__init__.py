"""Good options for a learner on a kind of data: one file a family of learners, plain data."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from quickstudy.cli import catalog

FOLDER = Path(__file__).parent
DATA = "data.json"
Options = dict[str, dict[str, Any]]
"""Values of options by their names, by the owner of the option: task, training, learner, model."""


@cache
def families() -> dict[str, dict[str, dict[str, Options]]]:
    """Give the recipes by the title of the family, the learner, and the kind of data."""
    files = [json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")]
    found = sorted((one for one in files if "learners" in one), key=lambda one: one["order"])
    return {one["title"]: one["learners"] for one in found}


def recipe(learner: str, data: str) -> Options:
    """Give the recipe of ``learner`` for ``data``, a name or a path; empty if there is none."""
    said = json.loads((FOLDER / DATA).read_text("utf-8"))
    source = catalog.source_of(data)
    if source == "arrays" and catalog.holds_images(data):
        source = "images"
    kind = next((name for name in ("images", "functions") if source in said[name]), "")
    whole: Options = {}
    own = [recipes[learner] for recipes in families().values() if learner in recipes]
    for part in (said["defaults"], *own):
        for owner, values in part.get(kind, {}).items():
            whole[owner] = {**whole.get(owner, {}), **values}
    return whole


def family_of(learner: str) -> str:
    """Give the title of the family of a learner."""
    return next((title for title, found in families().items() if learner in found), "others")


__all__ = ["families", "family_of", "recipe"]
