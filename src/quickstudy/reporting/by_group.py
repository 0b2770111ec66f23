"""Measures the accuracy within each group of classes: it shows which alphabets are hard."""

from torch import Tensor

from quickstudy.errors import require
from quickstudy.learners import Learner
from quickstudy.tasks import Classes, TaskSource
from quickstudy.training.evaluate import Estimate, values_by_steps


def accuracy_by_group_values(
    learner: Learner,
    pool: Classes,
    way: int,
    shot: int,
    query: int = 15,
    num_tasks_each: int = 100,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Measure, for each group, the accuracy on tasks whose classes all come from it.

    A group is an alphabet, or a script. Telling apart the letters of one alphabet is harder than
    telling apart letters of several. Groups of fewer than ``way`` classes are left out.

    Args:
        learner: The learner.
        pool: The classes and their groups.
        way: Classes of a task.
        shot: Support examples of a class.
        query: Query examples of a class.
        num_tasks_each: Tasks of each group.
        seed: Chooses the tasks.

    Raises:
        UserError: If no group has ``way`` classes, or the learner cannot serve such tasks.
    """
    require(
        num_tasks_each >= 1,
        f"Parameter `num_tasks_each` should be at least 1. Found num_tasks_each={num_tasks_each}.",
    )
    found = {}
    for name, classes in _large_groups(pool, way).items():
        source = pool.subset(classes, f"{pool.label}/{name}").episodes(way, shot, query)
        found[name] = _estimate(learner, source, num_tasks_each, seed)
    return found


def _estimate(learner: Learner, source: TaskSource, num_tasks: int, seed: int) -> Estimate:
    learner.check(source.target)
    values = values_by_steps(learner, source, num_tasks, seed, [learner.test_steps])
    return Estimate.of(values[0])


def _large_groups(pool: Classes, way: int) -> dict[str, Tensor]:
    """List the classes ``[class]`` of every group that has enough of them."""
    members = _members(pool)
    most = max(map(len, members.values()))
    require(
        most >= way,
        "Parameter `way` should be at most the number of classes of a group. Found "
        f"way={way}, at most {most} classes.",
    )
    return {name: classes for name, classes in members.items() if len(classes) >= way}


def _members(pool: Classes) -> dict[str, Tensor]:
    """List the classes ``[class]`` of every group."""
    return {name: _at(pool.groups, index) for index, name in enumerate(pool.group_names)}


def _at(groups: Tensor, index: int) -> Tensor:
    return (groups == index).nonzero().flatten()
