"""The data of a training, and the tasks that are drawn from it."""

import inspect
from typing import Any

from quickstudy.cli.asked import Asked
from quickstudy.cli.making import learner_class
from quickstudy.errors import require
from quickstudy.tasks import Data, TaskSource, source_class
from quickstudy.tasks.registry import make


def open_data(asked: Asked) -> Data:
    """Open the data that was asked for."""
    kind, decided = source_class(asked.choice.data)
    return make(kind, decided | _given(asked.of("data")))


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """Leave out the options that are None."""
    return {name: value for name, value in options.items() if value is not None}


def with_fitting_way(asked: Asked, data: Data) -> Asked:
    """Lower the way, unless it was given, to the number of classes of the smallest split.

    All splits count, because a run is trained, validated and evaluated on tasks of one way. The way
    stays at least 2, because a task needs two classes.
    """
    way = asked.of("task").get("way")
    if way is None or "way" in asked.given:
        return asked
    fitting = max(2, min(_class_counts(data).values(), default=way))
    return asked.with_way(fitting) if fitting < way else asked


def note_on_way(asked: Asked, fitting: Asked, data: Data) -> list[str]:
    """Name in a line the split with too few classes, if the way was lowered."""
    if fitting is asked:
        return []
    ways = f"Tasks have {fitting['way']} classes, not {asked['way']}"
    return [f"{ways}: {_smallest_split(data)}. Option --way sets another number."]


def _smallest_split(data: Data) -> str:
    """Say which split has the fewest classes, and how many."""
    sizes = _class_counts(data)
    name = min(sizes, key=sizes.__getitem__)
    return f"split {name!r} has {sizes[name]}"


def _class_counts(data: Data) -> dict[str, int]:
    """Count the classes of every split that is a pool of classes."""
    pools: dict[str, Any] = {name: data.split(name) for name in data.split_names}
    return {name: one.num_classes for name, one in pools.items() if hasattr(one, "num_classes")}


def training_tasks(asked: Asked, data: Data) -> TaskSource:
    """Make the tasks to train on.

    Raises:
        UserError: If the data has no such tasks.
    """
    pool: Any = data.split("train")
    if _pretrains(asked) and hasattr(pool, "supervised"):
        batches: TaskSource = pool.supervised(asked["tasks_per_step"])
        return batches
    options = _task_options(asked, pool)
    return data.tasks("train", **options | _train_way(asked, options.get("way")))


def _pretrains(asked: Asked) -> bool:
    """Say whether the learner is trained on all classes at once."""
    parameters = inspect.signature(learner_class(asked.choice.learner)).parameters
    return "pretraining_classes" in parameters


def _train_way(asked: Asked, way: int | None) -> dict[str, int]:
    """Give the way of training tasks, if it differs from ``way``.

    Raises:
        UserError: If it is larger.
    """
    found = asked.of("task").get("train_way")
    if found is None:
        return {}
    good = way is None or found <= way
    require(good, f"Option --train-way should be at most --way, {way}. Found {found}.")
    return {"way": found}


def validation_tasks(asked: Asked, data: Data) -> TaskSource | None:
    """Make the tasks to validate on: as in training, of at most 20 ways and 5 shots."""
    if "validation" not in data.split_names:
        return None
    options = _task_options(asked, data.split("validation"))
    return data.validation(**{name: options[name] for name in ("way", "shot") if name in options})


def _task_options(asked: Asked, pool: Any) -> dict[str, Any]:
    """Give the options of tasks: the given ones, and the defaults for the options of the pool."""
    known = inspect.signature(pool.episodes).parameters
    options = asked.of("task")
    options.pop("train_way", None)
    return {name: one for name, one in options.items() if name in known or name in asked.given}


__all__ = ["note_on_way", "open_data", "training_tasks", "validation_tasks", "with_fitting_way"]
