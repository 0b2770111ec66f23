"""Frozen tasks, which are the same for every learner, and the values of a learner on them."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from quickstudy.episode import Batch, Episode
from quickstudy.learners import Learner
from quickstudy.random import Moment
from quickstudy.tasks import TaskSource
from quickstudy.training.collect import learner_device

EXAMPLES_AT_ONCE = 1_600


def frozen_tasks(
    source: TaskSource, num_tasks: int, seed: int, purpose: str = "evaluate"
) -> Iterator[Episode]:
    """Draw the evaluation tasks of ``source`` and ``seed``, in batches.

    Task ``i`` is drawn by ``Moment(seed, purpose, i)``: two methods, two machines, two days see
    the same tasks, and fewer tasks are a prefix of more.
    """
    pending: list[Episode] = []
    for index in range(num_tasks):
        moment = Moment(seed, purpose, index)
        pending.append(source.sample(1, moment).at(moment))
        if _is_full(pending) or index == num_tasks - 1:
            yield _join(pending)
            pending = []


def _is_full(pending: Sequence[Episode]) -> bool:
    """Say whether one more task would be too many for a batch."""
    return (len(pending) + 1) * _num_examples(pending[0]) > EXAMPLES_AT_ONCE


def _num_examples(episode: Episode) -> int:
    """Give the number of examples of every task."""
    return episode.support.x.shape[1] + episode.query.x.shape[1]


def _join(episodes: Sequence[Episode]) -> Episode:
    """Put episodes together, at the moment of the first."""
    support = Batch.joined([episode.support for episode in episodes])
    query = Batch.joined([episode.query for episode in episodes])
    task = torch.cat([episode.task for episode in episodes])
    return Episode(support, query, task, episodes[0].moment)


def values_by_steps(
    learner: Learner,
    source: TaskSource,
    num_tasks: int,
    seed: int,
    steps: Sequence[int],
    purpose: str = "evaluate",
    done: Callable[[int], None] | None = None,
) -> Tensor:
    """Give the metric of every task after each number of inner steps ``[steps, task]``.

    Args:
        learner: The learner.
        source: The source of the tasks.
        num_tasks: The number of tasks.
        seed: The seed of the tasks.
        steps: The numbers of inner steps, ascending.
        purpose: The stream from which they are drawn.
        done: Called after each batch with its number of tasks.
    """
    columns = []
    for episodes in frozen_tasks(source, num_tasks, seed, purpose):
        columns.append(_values(learner, episodes, steps))
        if done is not None:
            done(episodes.num_tasks)
    return torch.cat(columns, 1)


def _values(learner: Learner, episodes: Episode, steps: Sequence[int]) -> Tensor:
    """Give the metric of the tasks of one batch ``[steps, task]``, on the CPU."""
    on_device = episodes.to(learner_device(learner))
    states = learner.adaptations(on_device.support, steps)
    rows = [_value(learner.predict(state, on_device.query.x), on_device) for state in states]
    return torch.stack(rows).cpu()


def _value(scores: Tensor, episodes: Episode) -> Tensor:
    """Give the metric of every task ``[task]``."""
    query = episodes.query
    return query.target.values(scores, query.y, query.mask)[query.target.metric]


__all__ = ["EXAMPLES_AT_ONCE", "frozen_tasks", "values_by_steps"]
