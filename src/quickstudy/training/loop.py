"""The loop of a training run: steps, with validations and checkpoints in between."""

import math
import time
from dataclasses import dataclass, field

from quickstudy.balance import TaskWeights
from quickstudy.tasks import TaskSource
from quickstudy.training.frozen import values_by_steps
from quickstudy.training.interrupt import interruptible
from quickstudy.training.metrics import MetricLog
from quickstudy.training.progress import Progress
from quickstudy.training.run import Run


def take_steps(run: Run, validation: TaskSource | None) -> None:
    """Take the steps of ``run`` that are left, until they end or Ctrl-C breaks them off."""
    plan, fitted = run.plan, run.fitted
    log = MetricLog(plan.out, plan.tensorboard, fitted.step)
    bar = Progress(plan.steps, fitted.step, plan.tasks_per_step, plan.progress)
    loop = Loop(run, validation, log, bar)
    with bar, interruptible() as interrupted, log:
        while not run.ended and not interrupted.is_set():
            loop.advance()
        fitted.interrupted = not run.ended
        loop.save()


@dataclass
class Loop:
    """A run with everything that is done between its steps.

    Attributes:
        run: The run.
        validation: Tasks to validate on.
        log: The log of the metrics.
        bar: The progress bar.
        began: The time at which the run would have begun without a break.
        saved: The time of the last checkpoint.
    """

    run: Run
    validation: TaskSource | None
    log: MetricLog
    bar: Progress
    began: float = field(init=False)
    saved: float = field(init=False)

    def __post_init__(self) -> None:
        self.saved = time.monotonic()
        self.began = self.saved - self.run.fitted.seconds

    def advance(self) -> None:
        """Take one step; validate and save if it is time to."""
        fitted = self.run.fitted
        loss = self.run.step(fitted.step)
        fitted.step += 1
        fitted.seconds = time.monotonic() - self.began
        self._note(loss)
        self._validate()
        if time.monotonic() - self.saved > self.run.plan.checkpoint_seconds:
            self.save()

    def save(self) -> None:
        """Write the last checkpoint, and the metrics up to it first."""
        self.log.flush()
        self.run.save_last()
        self.saved = time.monotonic()

    def _note(self, loss: float) -> None:
        """Write and show the loss of the step that was taken."""
        run = self.run
        weights = run.balancer.weights if isinstance(run.balancer, TaskWeights) else None
        step, tasks = run.fitted.step, run.plan.tasks_per_step
        self.log.loss(step, loss, run.rate, tasks, run.ended, weights)
        self.bar.advance(loss)

    def _validate(self) -> None:
        """Judge the learner if it is time to, and keep it if it is the best so far."""
        if self.validation is None or not self._is_due():
            return
        value = self._judged(self.validation)
        if self._is_best(value, self.validation.target.higher_is_better):
            self.run.fitted.best = (value, self.run.fitted.step)
            self.run.keep_best()

    def _is_due(self) -> bool:
        """Say whether a validation is due after the step that was taken."""
        return self.run.ended or self.run.fitted.step % self.run.plan.validate_every == 0

    def _judged(self, validation: TaskSource) -> float:
        """Give the mean of the metric over the frozen validation tasks, and note it."""
        plan, learner = self.run.plan, self.run.learner
        count, steps = plan.validation_tasks, [learner.test_steps]
        values = values_by_steps(learner, validation, count, plan.seed, steps, "validation")
        value = values[0].nanmean().item()
        for told in (self.log.validation, self.bar.validated):
            told(self.run.fitted.step, validation.target.metric, value)
        return value

    def _is_best(self, value: float, higher_is_better: bool) -> bool:
        """Say whether ``value`` is better than every earlier one."""
        best = self.run.fitted.best
        if best is None or not math.isfinite(value):
            return math.isfinite(value)
        return value > best[0] if higher_is_better else value < best[0]
