"""How each structure of a covariance is fitted: the maximum of its objective."""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from quickstudy.learners.priors.ascent import ascend
from quickstudy.learners.priors.evidence import Evidence
from quickstudy.learners.priors.moments import Moments
from quickstudy.learners.priors.roots import identity
from quickstudy.learners.priors.structures import (
    WIDTH,
    Full,
    Independent,
    Similar,
    Structure,
    Tied,
)

LEAST = 1e-4
"""The least relative standard deviation; a feature below it is dropped."""


@dataclass(frozen=True, eq=False)
class Fit:
    """Hold a structure at the maximum of its objective.

    Attributes:
        structure: The structure.
        at: Its parameters ``[parameter]``.
        objective: The objective at the start and after every step; it never falls.
    """

    structure: Structure
    at: Tensor
    objective: tuple[float, ...]

    @classmethod
    def climbing(cls, structure: Structure, start: Tensor, tolerance: float = 1e-4) -> "Fit":
        """Climb the objective of ``structure`` from ``start``, up to a ``tolerance``."""
        at, values = ascend(structure, start, tolerance)
        return cls(structure, at, tuple(values))

    @cached_property
    def evidence(self) -> Evidence:
        """The evidence at the maximum."""
        return self.structure.evidence(self.at)

    def to(self, moments: Moments, tolerance: float = 1e-4) -> "Fit":
        """Fit the same structure to other tasks, from where this fit ended."""
        return Fit.climbing(replace(self.structure, moments=moments), self.at, tolerance)


def intercept_only(moments: Moments, width: float = WIDTH) -> Fit:
    """Let only the intercept, the last feature, differ between tasks."""
    last = torch.tensor([len(moments.cross[0]) - 1])
    ties = moments.cross.new_ones(1, 1)
    start = moments.cross.new_tensor([0.5, 0.0])
    return Fit.climbing(Tied(moments, last, ties, width), start)


def alike(first: Fit, width: float = WIDTH) -> Fit:
    """Let the weights of all features differ alike, and the intercept by its own deviation.

    Args:
        first: The fit with an intercept only.
        width: The scale of the prior over both deviations.
    """
    moments = first.structure.moments
    active = moments.varying()
    ties = moments.cross.new_zeros(len(active), 2)
    ties[:-1, 0], ties[-1, 1] = 1, 1
    start = torch.cat([first.at.new_tensor([0.3 / math.sqrt(len(active))]), first.at])
    return Fit.climbing(Tied(moments, active, ties, width), start)


def similar(first: Fit) -> Fit:
    """Let the weights of all features differ, by deviations of about one size.

    Args:
        first: The fit with an intercept only.
    """
    moments = first.structure.moments
    active = moments.varying()
    size = math.log(0.3 / math.sqrt(len(active)))
    start = moments.cross.new_full((len(active) + 2,), size)
    start[-3], start[-1] = first.at[0].abs().clamp(min=0.01).log(), first.at[-1]
    return Fit.climbing(Similar(moments, active), start)


def diagonal(first: Fit, most: int = 40, rounds: int = 12) -> Fit:
    """Let the weight of every feature differ by its own deviation; many deviations become 0.

    Features are added whose variance, at 0, raises the evidence, the clearest first, and dropped
    when their deviation falls to 0.

    Args:
        first: The fit with an intercept only.
        most: The most features.
        rounds: The most rounds of adding features.
    """
    allowed = first.structure.moments.vary_within()
    fit = first
    for _ in range(rounds):
        more = _grown(fit, allowed, most)
        if more is None:
            break
        fit = _pruned(more)
    return fit


def full(base: Fit) -> Fit:
    """Let the weights of the features that differ in ``base`` covary.

    The prior is worth as many tasks as there are such features: the fewest with which an
    inverse-Wishart prior is proper, but one.
    """
    structure = base.structure
    assert isinstance(structure, Independent)
    deviations = structure.deviations(base.at).abs()
    around = Full(structure.moments, structure.active, deviations, float(len(deviations)))
    return Fit.climbing(around, torch.cat([around.start, base.at[-1:]]))


def _grown(fit: Fit, allowed: Tensor, most: int) -> Fit | None:
    """Add the features whose variance raises the evidence, or give None if there are none."""
    structure = fit.structure
    slope, information = fit.evidence.scores()
    clarity = (slope / information.clamp(min=1e-12).sqrt()).masked_fill(~allowed, 0)
    clarity[structure.active] = 0
    new = _clearest(clarity, _room(len(structure.active), most))
    if not len(new):
        return None
    variance = (0.5 * slope[new] / information[new]).clamp(max=1)
    return _from(fit, new, variance.sqrt())


def _room(active: int, most: int) -> int:
    """Say how many features are added: at most as many as there are, but for the first."""
    return max(0, min(max(4, active), most - active))


def _clearest(clarity: Tensor, most: int) -> Tensor:
    """Give the places of the highest values of ``clarity`` that are above 0.01."""
    order = clarity.argsort(descending=True)[:most]
    return order[clarity[order] > 0.01]


def _from(fit: Fit, new: Tensor, deviations: Tensor) -> Fit:
    """Climb on with the features ``new``, from deviations that do not lower the objective."""
    structure = fit.structure
    assert isinstance(structure, Tied)
    wider = _wider(structure, new)
    more = Fit.climbing(wider, _no_lower(wider, deviations, fit))
    return replace(more, objective=(*fit.objective, *more.objective))


def _wider(structure: Tied, new: Tensor) -> Tied:
    """Let features ``new`` differ too, every feature by its deviation."""
    active = torch.cat([new, structure.active])
    eye = torch.eye(len(active), dtype=structure.ties.dtype)
    return replace(structure, active=active, ties=eye)


def _no_lower(wider: Structure, deviations: Tensor, fit: Fit) -> Tensor:
    """Halve the ``deviations`` of new features until the objective is that of ``fit`` or more."""
    start = torch.cat([deviations, fit.at])
    while wider(start)[0] < fit.objective[-1] and float(start[0].abs()) > LEAST:
        deviations = 0.5 * deviations
        start = torch.cat([deviations, fit.at])
    return start


def _pruned(fit: Fit) -> Fit:
    """Drop the features whose deviation fell to 0, but never the intercept, which is last."""
    structure = fit.structure
    assert isinstance(structure, Tied)
    kept = _kept(fit.at)
    at = fit.at[torch.cat([kept, kept.new_ones(1)])]
    smaller = replace(structure, active=structure.active[kept], ties=identity(at[:-1]))
    return replace(fit, structure=smaller, at=at)


def _kept(at: Tensor) -> Tensor:
    """Say of the deviations of features, the intercept last, if they stay (true or false)."""
    kept = at[:-1].abs() > LEAST
    kept[-1] = True
    return kept


__all__ = ["Fit", "alike", "diagonal", "full", "intercept_only", "similar"]
