"""Names the ways of sharing, and chooses between them."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from quickstudy.episode import Episode
from quickstudy.errors import require
from quickstudy.ladder.judge import judge
from quickstudy.ladder.rungs import (
    BoostedTask,
    HistBoosting,
    LearnedPrior,
    MetaLearnedSharing,
    MixedRung,
    Network,
    OneHot,
    OneHotLogistic,
    Pooled,
    Rung,
    Sharing,
    SingleTask,
)
from quickstudy.random import generator
from quickstudy.tasks import TableTasks
from quickstudy.tasks.parts import part_of

Method = Literal[
    "auto",
    "learned_prior",
    "one_hot",
    "random_intercept",
    "random_slopes",
    "boosting_with_task",
    "pooled",
    "single_task",
    "boosting",
    "pooled_refitted",
    "hard_sharing",
    "meta_learned",
]
FOLDS = 3


class OwnOrRefitted(Rung):
    """Hard sharing: a training task has its own head, a new task a head refitted on its rows."""

    name = "hard sharing"

    def __init__(self, steps: int = 400) -> None:
        network = Network(heads=True, steps=steps)
        self.own = Sharing(self.name, heads=True, refit=False, network=network)
        self.refitted = Sharing(self.name, heads=True, refit=True, network=network)

    def fit(self, train: TableTasks, seed: int) -> None:
        """Train the network."""
        for part in (self.own, self.refitted):
            part.fit(train, seed)

    def predict(self, episode: Episode, known: bool) -> Tensor:
        """Predict by the head of the known task, or by the refitted one."""
        return (self.own if known else self.refitted).predict(episode, known)


METHODS: dict[str, Callable[[], Rung]] = {
    "learned_prior": LearnedPrior,
    "one_hot": OneHot,
    "random_intercept": partial(MixedRung, slopes=False),
    "random_slopes": partial(MixedRung, slopes=True),
    "boosting_with_task": HistBoosting,
    "pooled": Pooled,
    "single_task": partial(SingleTask, "single task"),
    "boosting": BoostedTask,
    "pooled_refitted": lambda: Sharing("pooled, head refitted", heads=False, refit=True),
    "hard_sharing": OwnOrRefitted,
    "meta_learned": MetaLearnedSharing,
}
OF_CLASSES: dict[str, Callable[[], Rung]] = {"one_hot": OneHotLogistic}
"""The methods that use another rung for classes."""
QUICK = ("learned_prior", "one_hot", "random_intercept", "random_slopes", "pooled", "single_task")
"""The methods between which ``"auto"`` chooses, as far as they serve the target."""


def made(method: str, tasks: TableTasks) -> Rung:
    """Make the rung of a method.

    Raises:
        UserError: If it cannot learn these tasks.
    """
    rung = _makers(tasks)[method]()
    reason = rung.refuses(tasks)
    require(not reason, f"Method {method!r} cannot learn these tasks: {reason}.")
    return rung


def _able(tasks: TableTasks) -> list[str]:
    """List the quick methods that can learn these tasks."""
    makers = _makers(tasks)
    return [name for name in QUICK if not makers[name]().refuses(tasks)]


def _makers(tasks: TableTasks) -> dict[str, Callable[[], Rung]]:
    """Give the function that makes the rung of each method."""
    return METHODS | OF_CLASSES if tasks.target.way else METHODS


def choose(tasks: TableTasks, method: str, seed: int) -> str:
    """Choose the quick method of the least error if ``method`` is ``"auto"``, else ``method``.

    The error comes from a threefold cross-validation of every task's rows. A single task has
    nothing to share: ``"auto"`` is then ``"pooled"``, one ridge or logistic regression.

    Raises:
        UserError: If there is no such method.
    """
    known = f"Parameter `method` should be one of auto, {', '.join(METHODS)}. Found {method!r}."
    require(method in ("auto", *METHODS), known)
    return _best(tasks, seed) if method == "auto" else method


def _best(tasks: TableTasks, seed: int) -> str:
    """Choose the quick method of the least error."""
    if len(tasks.names) == 1:
        return "pooled"
    errors = _errors(tasks, seed)
    return min(errors, key=errors.__getitem__)


def _errors(tasks: TableTasks, seed: int) -> dict[str, float]:
    """Cross-validate the quick methods on the rows of every task."""
    errors = dict.fromkeys(_able(tasks), 0.0)
    for train, episode in _divisions(tasks, seed):
        for name in set(errors) & set(_able(train)):
            errors[name] += _error(name, train, episode, seed)
    return errors


def _divisions(tasks: TableTasks, seed: int) -> Iterator[tuple[TableTasks, Episode]]:
    """Divide every task's rows: tasks to learn from, and an episode to judge on, for each part."""
    fold = _folds(tasks, seed)
    for index in range(FOLDS):
        train, test = part_of(tasks, fold != index), part_of(tasks, fold == index)
        if len(test.x):
            support = train.batch(train.places(test.identity))
            yield train, Episode(support, test.batch(), test.identity)


def _error(name: str, train: TableTasks, episode: Episode, seed: int) -> float:
    """Fit a method, and give its error on an episode of the same tasks."""
    rung = made(name, train)
    rung.fit(train, seed)
    metrics = judge(rung.predict(episode, True), episode.query)
    return next(iter(metrics.values()))


def _folds(tasks: TableTasks, seed: int) -> Tensor:
    """Draw a fold for every row, evenly within a task; −1 (no fold) for the only row of a task."""
    draw = generator(seed, "folds")
    return torch.cat([_fold(size, draw) for size in tasks.sizes])


def _fold(size: int, draw: torch.Generator) -> Tensor:
    """Draw a fold for each of a task's rows ``[row]``."""
    return torch.randperm(size, generator=draw) % FOLDS if size > 1 else torch.tensor([-1])


__all__ = ["METHODS", "Method", "OwnOrRefitted", "choose", "made"]
