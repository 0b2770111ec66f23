"""Climb a smooth function by the limited-memory method of Broyden, Fletcher, Goldfarb, Shanno."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quickstudy.errors import require

Climbed = Callable[[Tensor], tuple[float, Tensor]]
"""A function of a vector; it gives its value and its gradient."""
REMEMBERED = 20


@dataclass
class _Path:
    """Remember the values on the way, and give the function to a minimiser."""

    function: Climbed
    seen: dict[bytes, float] = field(default_factory=dict)
    values: list[float] = field(default_factory=list)

    def __call__(self, at: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        try:
            value, slope = self.function(torch.from_numpy(at.copy()))
        except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
            # too far: the search goes back
            return np.inf, np.zeros_like(at)
        self.seen[at.tobytes()] = value
        return -value, -slope.numpy()

    def step(self, at: NDArray[np.float64]) -> None:
        """Note the value of a point that a step was taken to."""
        self.values.append(self.seen[at.tobytes()])
        self.seen.clear()


def ascend(
    function: Climbed, start: Tensor, tolerance: float = 1e-4, steps: int = 200
) -> tuple[Tensor, list[float]]:
    """Climb ``function`` from ``start`` ``[parameter]``; a step never goes down.

    Args:
        function: Gives a value and its gradient ``[parameter]``.
        start: Where it begins.
        tolerance: It ends when a step gains less than this.
        steps: The most steps.

    Returns:
        The last point, and the values at the start and after every step.

    Raises:
        UserError: If the value at the start is not finite.

    Source: Liu & Nocedal 1989, as SciPy has it.
    """
    # importing quickstudy does not load SciPy's optimisers
    from scipy.optimize import minimize

    path = _Path(function)
    first = -path(start.numpy())[0]
    require(bool(np.isfinite(first)), f"The evidence of the rows should be finite. Found {first}.")
    options = _options(abs(first), tolerance, steps)
    found = minimize(
        path, start.numpy(), jac=True, method="L-BFGS-B", callback=path.step, options=options
    )
    return torch.from_numpy(found.x), [first, *path.values]


def _options(size: float, tolerance: float, steps: int) -> dict[str, float]:
    """Say when the climb ends, for values of about a ``size``."""
    enough = tolerance / max(1.0, size)
    return {"maxiter": steps, "ftol": enough, "gtol": tolerance, "maxcor": REMEMBERED}


__all__ = ["Climbed", "ascend"]
