"""The accuracy within each group of classes: which alphabets are hard."""

from quickstudy.errors import require
from quickstudy.learners import Learner
from quickstudy.tasks import Classes
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
    """The accuracy on tasks whose classes all come from one group (one alphabet, one script), for
    each group.

    Telling apart the letters of one alphabet is harder than telling apart letters of several.
    Groups of fewer than ``way`` classes are left out.

    Args:
        learner: The learner.
        pool: The classes and their groups.
        way: Classes a task.
        shot: Support examples a class.
        query: Query examples a class.
        num_tasks_each: Tasks of each group.
        seed: Which tasks.

    Raises:
        UserError: If no group has ``way`` classes, or the learner cannot serve such tasks.
    """
    require(
        num_tasks_each >= 1,
        f"Parameter `num_tasks_each` should be at least 1. Found num_tasks_each={num_tasks_each}.",
    )
    members = {
        name: (pool.groups == index).nonzero().flatten()
        for index, name in enumerate(pool.group_names)
    }
    most = max(map(len, members.values()))
    require(
        most >= way,
        "Parameter `way` should be at most the number of classes of a group. Found "
        f"way={way}, at most {most} classes.",
    )
    found = {}
    for name, classes in members.items():
        if len(classes) < way:
            continue
        source = pool.subset(classes, f"{pool.label}/{name}").episodes(way, shot, query)
        learner.check(source.target)
        found[name] = Estimate.of(
            values_by_steps(learner, source, num_tasks_each, seed, [learner.test_steps])[0]
        )
    return found
