"""The choice of a structure by tasks that a fit did not see."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from quickstudy.learners.priors.fits import (
    Fit,
    alike,
    diagonal,
    full,
    intercept_only,
    similar,
)
from quickstudy.learners.priors.moments import Moments
from quickstudy.learners.priors.own_noise import likeliest_shape
from quickstudy.learners.priors.prior import Prior

FOLDS = 5
"""Parts of the tasks, each judged by priors of the others; three if there are many tasks."""
MANY = 50
"""Tasks that are many."""
ENOUGH = 0.03
"""The gain of a step, in the evidence, below which a fit ends that others depend little on."""
FEWEST = 4
"""With fewer tasks only the intercept differs: a variance of three numbers is not known."""


def fitted(moments: Moments, asked: str) -> dict[str, Fit]:
    """Fit one structure, or with ``auto`` the candidates.

    These are an intercept only, the better by its evidence of ``similar`` and ``diagonal``, and
    the full covariance around that one.

    Args:
        moments: The sums over the tasks' rows, in scaled coordinates.
        asked: The name of a structure, or ``auto``.
    """
    first = intercept_only(moments)
    if asked == "intercept" or _nothing_else_differs(moments):
        return {"intercept": first}
    if asked == "auto":
        return {"intercept": first, **_candidates(first)}
    return {asked: FITS[asked](first)}


def _nothing_else_differs(moments: Moments) -> bool:
    """Say whether only the intercept can differ between tasks."""
    return _few(moments) or int(moments.vary_within().sum()) < 2


def _candidates(first: Fit) -> dict[str, Fit]:
    """Fit the better independent structure, and a full covariance around it."""
    apart, alike_in_size = diagonal(first), similar(first)
    if apart.evidence.value > alike_in_size.evidence.value:
        return {"diagonal": apart, "sparse": full(apart)}
    return {"similar": alike_in_size, "full": full(alike_in_size)}


def _full(first: Fit) -> Fit:
    return full(similar(first))


def _sparse(first: Fit) -> Fit:
    return full(diagonal(first))


FITS: dict[str, Callable[[Fit], Fit]] = {
    "alike": alike,
    "similar": similar,
    "diagonal": diagonal,
    "full": _full,
    "sparse": _sparse,
}
"""The function that fits each structure, given the fit with an intercept only."""
STRUCTURES = ("auto", "intercept", *FITS)
"""The structures that may be asked for."""


def held_out(fit: Fit, moments: Moments, own_noise: bool = False) -> Tensor:
    """Compute the log density of every task under a prior of the tasks of other parts ``[task]``.

    The structure and the features that differ are those of ``fit``; its numbers are fitted again
    without each part, from where ``fit`` ended.

    Args:
        fit: A fit to all tasks.
        moments: The sums over the tasks' rows.
        own_noise: Whether tasks may have noise of their own; few tasks of much noise do not decide
            then.
    """
    found = torch.zeros_like(moments.square)
    for part in folds(moments):
        judge = _judge(fit, moments.of_tasks(~part), own_noise)
        found[part] = judge.log_densities(moments.of_tasks(part))
    return found


def _judge(fit: Fit, others: Moments, own_noise: bool) -> Prior:
    """Fit again to other tasks, from where ``fit`` ended."""
    prior = Prior.at(fit.to(others, ENOUGH).evidence)
    return likeliest_shape(prior, others) if own_noise else prior


def folds(moments: Moments) -> list[Tensor]:
    """Divide the tasks into parts ``[task]`` (true or false), of about as many rows each."""
    place, number = _places(moments.count), _num_folds(len(moments.count))
    return [place % number == part for part in range(number)]


def _places(count: Tensor) -> Tensor:
    """Return the place of every task when they are in the order of their rows ``[task]``."""
    order = count.argsort(descending=True, stable=True)
    return order.argsort()


def _num_folds(tasks: int) -> int:
    return min(3 if tasks > MANY else FOLDS, tasks)


def best(fits: dict[str, Fit], moments: Moments, own_noise: bool = False) -> tuple[str, float]:
    """Give the name of the fit whose held-out log density is highest, and that density.

    A later fit has to be better than those before it by ``½ log tasks``. The density is NaN if
    tasks are too few to hold some out.

    Args:
        fits: The fits, the simplest first.
        moments: The sums over the tasks' rows.
        own_noise: See :func:`held_out`.
    """
    chosen, highest = next(iter(fits)), math.nan
    if _few(moments):
        return chosen, highest
    margin = 0.5 * math.log(len(moments.count))
    for name, fit in fits.items():
        density = _density(fit, moments, own_noise)
        if math.isnan(highest) or density > highest + margin:
            chosen, highest = name, density
    return chosen, highest


def _density(fit: Fit, moments: Moments, own_noise: bool) -> float:
    """Return the held-out log density of all tasks."""
    return float(held_out(fit, moments, own_noise).sum())


def _few(moments: Moments) -> bool:
    return int((moments.count > 0).sum()) < FEWEST


__all__ = ["ENOUGH", "FEWEST", "FITS", "FOLDS", "STRUCTURES", "best", "fitted", "folds", "held_out"]
