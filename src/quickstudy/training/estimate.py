"""The mean of a metric over tasks, with its interval."""

import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from quickstudy.targets import metric_of


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
        """Estimate from one value per task ``[task]``."""
        finite = values[values.isfinite()].double()
        diverged = len(values) - len(finite)
        return cls(finite.mean().item(), _half_width(finite), len(values), diverged)

    def text(self, metric: str) -> str:
        """Write it for people.

        An accuracy is ``98.70 ± 0.20 %`` and an error ``0.670 ± 0.050``. One task has no interval.

        Example:
            >>> Estimate(0.5, float("nan"), num_tasks=1).text("accuracy")
            '50.00 %'
        """
        percent = metric_of(metric).percent
        scale, unit, digits = (100.0, " %", 2) if percent else (1.0, "", 3)
        interval = f" ± {scale * self.ci95:.{digits}f}" if math.isfinite(self.ci95) else ""
        return f"{scale * self.mean:.{digits}f}{interval}{unit}{self._diverged()}"

    def _diverged(self) -> str:
        """Say how many tasks diverged; empty if none did."""
        note = f" ({self.num_diverged} of {self.num_tasks} tasks diverged)"
        return note if self.num_diverged else ""


def _half_width(finite: Tensor) -> float:
    """Give 1.96 standard errors of the mean of ``finite`` ``[task]``; NaN of one task."""
    if len(finite) < 2:
        return math.nan
    return 1.96 * finite.std().item() / math.sqrt(len(finite))


def plain(value: Any) -> Any:
    """Give ``value`` with None for numbers that are not finite, which JSON does not have."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return None if _is_lost(value) else value


def _is_lost(value: Any) -> bool:
    """Say whether JSON cannot hold ``value``."""
    return isinstance(value, float) and not math.isfinite(value)


__all__ = ["Estimate", "plain"]
