"""Evaluation on frozen tasks, always next to plain baselines."""

import math
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from quickstudy.episode import Batch, Episode
from quickstudy.errors import UserError, require
from quickstudy.learners import Learner
from quickstudy.random import Moment
from quickstudy.tasks import TaskSource
from quickstudy.training.baselines import Baselines, baselines_for
from quickstudy.training.collect import device_of
from quickstudy.training.stopwatch import Stopwatch
from quickstudy.training.trained import Trained

EXAMPLES_AT_ONCE = 1_600
CURVE = (0, 1, 2, 3, 4, 5, 10, 20, 50, 100)


@dataclass(frozen=True)
class Estimate:
    """A mean over tasks with its 95 % confidence interval.

    Attributes:
        mean: Mean over the tasks whose value is finite.
        ci95: 1.96 standard errors of the mean.
        num_tasks: Tasks evaluated.
        num_diverged: Tasks whose value is not finite; they are not in the mean.
    """

    mean: float
    ci95: float
    num_tasks: int
    num_diverged: int = 0

    @classmethod
    def of(cls, values: Tensor) -> "Estimate":
        """The estimate from one value per task ``[task]``."""
        finite = values[values.isfinite()].double()
        error = 1.96 * finite.std().item() / math.sqrt(len(finite)) if len(finite) > 1 else math.nan
        return cls(finite.mean().item(), error, len(values), len(values) - len(finite))

    def text(self, metric: str) -> str:
        """As a person writes it: ``98.70 ± 0.20 %`` for accuracies, ``0.670 ± 0.050`` for errors,
        one task without its interval.

        Example:
            >>> Estimate(0.5, float("nan"), num_tasks=1).text("accuracy")
            '50.00 %'
        """
        scale, unit, digits = (100.0, " %", 2) if metric == "accuracy" else (1.0, "", 3)
        interval = f" ± {scale * self.ci95:.{digits}f}" if math.isfinite(self.ci95) else ""
        note = (
            f" ({self.num_diverged} of {self.num_tasks} tasks diverged)"
            if self.num_diverged
            else ""
        )
        return f"{scale * self.mean:.{digits}f}{interval}{unit}{note}"


def plain(value: Any) -> Any:
    """``value`` with None in place of numbers that are not finite, which JSON does not have."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True)
class Evaluation:
    """What :func:`evaluate` found. ``print`` it for a summary, :meth:`to_dict` for JSON."""

    metric: str
    estimate: Estimate
    seed: int
    transductive: bool
    source: dict[str, object]
    baselines: dict[str, Estimate]
    per_step: dict[int, Estimate]
    per_task: list[float] = field(repr=False)
    versions: dict[str, str] = field(repr=False)
    seconds: dict[str, float] = field(default_factory=dict, repr=False)

    @property
    def mean(self) -> float:
        """Mean over tasks."""
        return self.estimate.mean

    @property
    def ci95(self) -> float:
        """Half-width of the 95 % confidence interval of the mean."""
        return self.estimate.ci95

    def to_dict(self) -> dict[str, object]:
        """Plain values, for JSON: metric, mean, ci95, num_tasks, way, shot, seed, transductive, baselines, per_step, ..."""
        return plain(
            {
                "metric": self.metric,
                **asdict(self.estimate),
                "way": self.source.get("way"),
                "shot": self.source.get("shot"),
                "seed": self.seed,
                "transductive": self.transductive,
                "baselines": {name: asdict(estimate) for name, estimate in self.baselines.items()},
                "per_step": [
                    {"steps": steps, **asdict(estimate)}
                    for steps, estimate in self.per_step.items()
                ],
                "source": self.source,
                "versions": self.versions,
                "per_task": self.per_task,
            }
        )

    def __str__(self) -> str:
        label = f"{self.metric.replace('_', ' ')}{' (transductive)' if self.transductive else ''}"
        beside = ", ".join(
            f"{name} {estimate.text(self.metric)}" for name, estimate in self.baselines.items()
        )
        return f"{label} {self.estimate.text(self.metric)} over {self.estimate.num_tasks} tasks" + (
            f"  ({beside})" if beside else ""
        )


def frozen_tasks(
    source: TaskSource, num_tasks: int, seed: int, purpose: str = "evaluate"
) -> Iterator[Episode]:
    """The evaluation tasks of ``(source, seed)``, in batches.

    Task ``i`` is drawn by ``Moment(seed, purpose, i)``: two methods, two machines, two days see
    the same tasks, and fewer tasks are a prefix of more.
    """
    pending: list[Episode] = []
    for index in range(num_tasks):
        moment = Moment(seed, purpose, index)
        pending.append(source.sample(1, moment).at(moment))
        examples = pending[0].support.x.shape[1] + pending[0].query.x.shape[1]
        if (len(pending) + 1) * examples > EXAMPLES_AT_ONCE or index == num_tasks - 1:
            yield _join(pending)
            pending = []


def _join(episodes: Sequence[Episode]) -> Episode:
    return Episode(
        Batch.joined([episode.support for episode in episodes]),
        Batch.joined([episode.query for episode in episodes]),
        torch.cat([episode.task for episode in episodes]),
        episodes[0].moment,
    )


def values_by_steps(
    learner: Learner,
    source: TaskSource,
    num_tasks: int,
    seed: int,
    steps: Sequence[int],
    purpose: str = "evaluate",
    done: Callable[[int], None] | None = None,
) -> Tensor:
    """The metric of every task after each number of inner steps ``[steps, task]``.

    Args:
        learner: The learner.
        source: Where the tasks come from.
        num_tasks: How many.
        seed: Which.
        steps: The numbers of inner steps, ascending.
        purpose: The stream they are drawn from.
        done: Told after each batch how many tasks it had.
    """
    device = device_of(learner)
    columns = []
    for episodes in frozen_tasks(source, num_tasks, seed, purpose):
        on_device = episodes.to(device)
        states = learner.adaptations(on_device.support, steps)
        rows = [_value(learner.predict(state, on_device.query.x), on_device) for state in states]
        columns.append(torch.stack(rows).cpu())
        if done is not None:
            done(episodes.num_tasks)
    return torch.cat(columns, 1)


def evaluate(
    learner: Learner | str | Path,
    source: TaskSource | None = None,
    num_tasks: int = 1000,
    seed: int = 0,
    steps: int | None = None,
    baselines: Baselines | bool = True,
    progress: bool = False,
) -> Evaluation:
    """Adapt to ``num_tasks`` frozen tasks, and judge the predictions on their queries.

    The learner stays bit-identical and no graph is kept.

    Args:
        learner: The learner, or a run's folder.
        source: Where the tasks come from, e.g. ``pool.episodes(way=5, shot=1)``. A run's folder
            knows: tasks as in training, of its data's test split.
        num_tasks: How many.
        seed: Which: the same seed gives the same tasks to every learner.
        steps: Inner steps; by default the learner's ``test_steps``.
        baselines: The plain baselines to run on the same tasks, see
            :mod:`quickstudy.training.baselines`: ``"none"``, ``"quick"`` (nearest neighbour or
            support mean) or ``"all"`` (also untrained and trained from scratch, which takes most of
            the time). True is all and False is none.
        progress: Show a progress bar; without a terminal a line every 30 seconds.

    Returns:
        Mean and interval, baselines, the curve over inner steps, per-task values, and versions.

    Raises:
        UserError: If ``num_tasks`` is below 1, the learner cannot serve these tasks, or a run does
            not know its own.
    """
    if not isinstance(learner, Learner):
        run = Trained.read(learner)
        learner, source = run.learner, run.tasks() if source is None else source
    if source is None:
        raise UserError("Parameter `source` should be where the tasks come from. Found None.")
    require(
        num_tasks >= 1, f"Parameter `num_tasks` should be at least 1. Found num_tasks={num_tasks}."
    )
    require(
        steps is None or steps >= 0, f"Parameter `steps` should be at least 0. Found steps={steps}."
    )
    last = learner.test_steps if steps is None else steps
    curve = (
        sorted({step for step in CURVE if step < last} | {last}) if learner.test_steps else [last]
    )
    learner.check(source.target)
    chosen: Baselines = baselines if isinstance(baselines, str) else ("none", "all")[baselines]
    others = baselines_for(learner, source.target, seed, chosen)
    watch = Stopwatch(progress)
    with watch.part("this learner", num_tasks) as done:
        values = values_by_steps(learner, source, num_tasks, seed, curve, done=done)
    beside: dict[str, Estimate] = {}
    for name, (other, limit) in others.items():
        count, ends = min(num_tasks, limit), [other.test_steps]
        with watch.part(name, count) as done:
            found = values_by_steps(other, source, count, seed, ends, done=done)
        beside[name] = Estimate.of(found[0])
    return Evaluation(
        metric=source.target.metric,
        estimate=Estimate.of(values[-1]),
        seed=seed,
        transductive=learner.transductive,
        source=source.describe(),
        baselines=beside,
        per_step={step: Estimate.of(row) for step, row in zip(curve, values, strict=True)},
        per_task=values[-1].tolist(),
        versions={
            "quickstudy": version("quickstudy"),
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        seconds=watch.seconds,
    )


def _value(scores: Tensor, episodes: Episode) -> Tensor:
    """Give the metric of every task ``[task]``."""
    query = episodes.query
    return query.target.values(scores, query.y, query.mask)[query.target.metric]
