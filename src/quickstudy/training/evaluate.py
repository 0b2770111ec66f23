"""Evaluation on frozen tasks, always beside plain baselines."""

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

from quickstudy.errors import UserError, require_at_least
from quickstudy.learners import Learner
from quickstudy.tasks import TaskSource
from quickstudy.training.baselines import Baselines, baselines_for
from quickstudy.training.estimate import Estimate, plain
from quickstudy.training.frozen import frozen_tasks, values_by_steps
from quickstudy.training.stopwatch import Stopwatch
from quickstudy.training.trained import Trained

CURVE = (0, 1, 2, 3, 4, 5, 10, 20, 50, 100)


@dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation.

    ``print`` it for a summary; :meth:`to_dict` gives JSON.

    Attributes:
        metric: The name of the metric.
        estimate: Its mean over tasks.
        seed: The seed of the tasks.
        transductive: Whether the queries of a task saw each other.
        source: The description of the tasks, in plain values.
        baselines: The estimates of the baselines on the same tasks.
        per_step: The estimates by the number of inner steps.
        per_task: The value of every task ``[task]``.
        versions: The versions of the software.
        seconds: The time that the learner and each baseline took.
    """

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
        """Give plain values for JSON.

        They are metric, mean, ci95, num_tasks, way, shot, seed, transductive, baselines, per_step,
        source, versions and per_task.
        """
        found: dict[str, object] = plain(
            {
                "metric": self.metric,
                **asdict(self.estimate),
                **self._setting(),
                **self._beside(),
                "source": self.source,
                "versions": self.versions,
                "per_task": self.per_task,
            }
        )
        return found

    def _setting(self) -> dict[str, object]:
        """Describe the tasks, and how they were solved."""
        return {
            "way": self.source.get("way"),
            "shot": self.source.get("shot"),
            "seed": self.seed,
            "transductive": self.transductive,
        }

    def _beside(self) -> dict[str, object]:
        """Give the estimates to show beside the result: baselines, and the curve over steps."""
        baselines = {name: asdict(estimate) for name, estimate in self.baselines.items()}
        curve = [{"steps": steps, **asdict(one)} for steps, one in self.per_step.items()]
        return {"baselines": baselines, "per_step": curve}

    def __str__(self) -> str:
        label = self.metric.replace("_", " ") + (" (transductive)" if self.transductive else "")
        value = self.estimate.text(self.metric)
        return f"{label} {value} over {self.estimate.num_tasks} tasks{self._others()}"

    def _others(self) -> str:
        """Write the baselines in brackets; empty if there are none."""
        each = (f"{name} {one.text(self.metric)}" for name, one in self.baselines.items())
        others = ", ".join(each)
        return f"  ({others})" if others else ""


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
        source: The source of the tasks, e.g. ``pool.episodes(way=5, shot=1)``. By default, for a
            run's folder, tasks as in training from the test split of its data.
        num_tasks: The number of tasks.
        seed: The seed of the tasks: the same seed gives the same tasks to every learner.
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
            not know its tasks.
    """
    judged, tasks = _opened(learner, source)
    require_at_least(1, num_tasks=num_tasks)
    curve = _curve(judged, steps)
    judged.check(tasks.target)
    others = baselines_for(judged, tasks.target, seed, _chosen(baselines))
    frozen = FrozenTasks(tasks, num_tasks, seed, Stopwatch(progress))
    values = frozen.values("this learner", judged, curve)
    beside = {name: frozen.baseline(name, *other) for name, other in others.items()}
    return Evaluation(
        metric=tasks.target.metric,
        estimate=Estimate.of(values[-1]),
        seed=seed,
        transductive=judged.transductive,
        source=tasks.describe(),
        baselines=beside,
        per_step=_per_step(curve, values),
        per_task=values[-1].tolist(),
        versions=_versions(),
        seconds=frozen.watch.seconds,
    )


def _opened(learner: Learner | str | Path, source: TaskSource | None) -> tuple[Learner, TaskSource]:
    """Give the learner and the tasks, read from a run's folder if they are not given."""
    if not isinstance(learner, Learner):
        run = Trained.read(learner)
        return run.learner, run.tasks() if source is None else source
    if source is None:
        raise UserError("Parameter `source` should be where the tasks come from. Found None.")
    return learner, source


def _curve(learner: Learner, steps: int | None) -> list[int]:
    """List the numbers of inner steps to evaluate after; the last decides the result."""
    last = learner.test_steps if steps is None else steps
    require_at_least(0, steps=last)
    shorter = {step for step in CURVE if step < last and learner.test_steps}
    return sorted(shorter | {last})


def _per_step(steps: Sequence[int], values: Tensor) -> dict[int, Estimate]:
    """Estimate the mean after each number of steps from ``values`` ``[steps, task]``."""
    return dict(zip(steps, map(Estimate.of, values), strict=True))


def _chosen(baselines: Baselines | bool) -> Baselines:
    """Read the choice of baselines, a name or a boolean."""
    if isinstance(baselines, str):
        return baselines
    return "all" if baselines else "none"


@dataclass(frozen=True)
class FrozenTasks:
    """The tasks that all learners of an evaluation are judged on.

    Attributes:
        source: The source of the tasks.
        num_tasks: The number of tasks.
        seed: The seed of the tasks.
        watch: Takes the time of every learner.
    """

    source: TaskSource
    num_tasks: int
    seed: int
    watch: Stopwatch

    def values(self, name: str, learner: Learner, steps: Sequence[int]) -> Tensor:
        """Give the metric after each number of inner steps ``[steps, task]``."""
        with self.watch.part(name, self.num_tasks) as done:
            return values_by_steps(
                learner, self.source, self.num_tasks, self.seed, steps, done=done
            )

    def baseline(self, name: str, learner: Learner, limit: int) -> Estimate:
        """Judge a baseline on the first ``limit`` tasks."""
        fewer = replace(self, num_tasks=min(self.num_tasks, limit))
        return Estimate.of(fewer.values(name, learner, [learner.test_steps])[0])


def _versions() -> dict[str, str]:
    """List the versions that an evaluation was made with."""
    return {
        "quickstudy": version("quickstudy"),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


__all__ = ["Estimate", "Evaluation", "evaluate", "frozen_tasks", "plain", "values_by_steps"]
