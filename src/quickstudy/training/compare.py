"""Two learners on the same tasks."""

import math
from dataclasses import asdict, dataclass

import torch

from quickstudy.errors import require
from quickstudy.training.estimate import Estimate, plain
from quickstudy.training.evaluate import Evaluation


@dataclass(frozen=True)
class Comparison:
    """The paired difference of two learners over tasks, the first minus the second.

    Attributes:
        metric: The metric.
        a: Estimate of the first.
        b: Estimate of the second.
        difference: Mean of the per-task differences with its interval.
        significant: Whether the interval leaves out 0.
    """

    metric: str
    a: Estimate
    b: Estimate
    difference: Estimate
    significant: bool

    def to_dict(self) -> dict[str, object]:
        """Give plain values for JSON."""
        found: dict[str, object] = plain(asdict(self))
        return found

    def __str__(self) -> str:
        verdict = "significant at 5 %" if self.significant else "not significant at 5 %"
        return (
            f"A {self.a.text(self.metric)}, B {self.b.text(self.metric)}; "
            f"A − B {self.difference.text(self.metric)} over {self.difference.num_tasks} "
            f"paired tasks: {verdict}"
        )


def compare(a: Evaluation, b: Evaluation) -> Comparison:
    """Estimate the difference of two evaluations on the same tasks.

    Pairing removes the difficulty of each task from the difference. Its interval is therefore
    narrower than the intervals of the two means suggest.

    Raises:
        UserError: If they were not evaluated on the same tasks.
    """
    _check_paired(a, b)
    difference = Estimate.of(torch.tensor(a.per_task) - torch.tensor(b.per_task))
    return Comparison(a.metric, a.estimate, b.estimate, difference, _leaves_out_zero(difference))


def _leaves_out_zero(estimate: Estimate) -> bool:
    """Say whether the interval of ``estimate`` leaves out 0; one task has no interval."""
    return not math.isnan(estimate.ci95) and abs(estimate.mean) > estimate.ci95


def _check_paired(a: Evaluation, b: Evaluation) -> None:
    """Raise unless both were evaluated on the same tasks, by the same metric."""
    require(
        _are_paired(a, b),
        f"Both should be evaluated on the same tasks. Found {a.source} seed={a.seed}, and "
        f"{b.source} seed={b.seed}.",
    )


def _are_paired(a: Evaluation, b: Evaluation) -> bool:
    """Say whether both are values of the same metric on the same tasks."""
    same = all(getattr(a, name) == getattr(b, name) for name in ("seed", "source", "metric"))
    return same and len(a.per_task) == len(b.per_task)
