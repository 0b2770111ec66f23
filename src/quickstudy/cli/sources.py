"""From the settings of a run to its data and tasks."""

from pathlib import Path
from typing import Any

from quickstudy.cli.choice import Choice
from quickstudy.cli.machine import device, use_threads
from quickstudy.cli.options import Tasks
from quickstudy.errors import require
from quickstudy.tasks import Data, TaskSource, source_class
from quickstudy.tasks.registry import make

Settings = dict[str, Any]
"""The options of a training run by name, as recorded in ``run.json``."""


def data_of(settings: Settings, root: Path | None = None) -> Data:
    """Open the data of a run again."""
    kind, decided = source_class(settings["data"])
    own = Choice(settings["learner"], settings["data"]).owned("data")
    found = {option.target: settings.get(option.name) for option in own}
    if root is not None:
        require("root" in found, f"Option --root is not one of {settings['data']}.")
        found["root"] = str(root)
    return make(kind, decided | {name: one for name, one in found.items() if one is not None})


def pool(settings: Settings, split: str, root: Path | None = None) -> Any:
    """Give the classes of one split of the run's data."""
    return data_of(settings, root).split(split)


def evaluation_tasks(settings: Settings, asked: Tasks) -> TaskSource:
    """Make the tasks that a run is evaluated on: as asked for, else as in training."""
    data = data_of(settings, asked.root)
    way = settings.get("way") if asked.way is None else asked.way
    shot = settings["shot"] if asked.shot is None else asked.shot
    require(
        asked.way is None or "way" in settings,
        "Option --way is for classification. This run learned other tasks.",
    )
    within = {"within_group": True} if asked.within_group else {}
    return data.evaluation(asked.split, way=way, shot=shot, query=asked.query, **within)


__all__ = ["Settings", "data_of", "device", "evaluation_tasks", "pool", "use_threads"]
