"""Which bends and products of inputs a prior needs, chosen by tasks that it did not see."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from quickstudy.learners.linear_prior import LinearPrior, with_one
from quickstudy.learners.priors.prior import Prior
from quickstudy.learners.priors.roots import identity, root_beside_one
from quickstudy.models import Expansion
from quickstudy.models.expansion import Knots, Pairs
from quickstudy.tasks import TableTasks

Fitted = Callable[[Expansion], tuple[LinearPrior, float]]
"""Fits a prior on features; gives its log density of tasks that it did not see too."""

CURVED = 5
"""The fewest values of an input that is more than a category."""
BENDS = (4, 8)
"""Numbers of knots of an input that are tried, each if the one before it helped."""
MOST_FEATURES = 250
MOST_PAIRS = 500
MOST_PRODUCTS = 15
ROWS_LOOKED_AT = 100_000


def curved(x: Tensor) -> list[int]:
    """Give the places of the inputs ``[row, input]`` that take at least five values."""
    looked = x[:ROWS_LOOKED_AT]
    return [place for place, values in enumerate(looked.T) if _is_curved(values)]


def _is_curved(values: Tensor) -> bool:
    return len(values.unique()) >= CURVED


def knots(x: Tensor, number: int) -> Knots:
    """Give ``number`` knots of every curved input ``[row, input]``, its quantiles."""
    looked = x[:ROWS_LOOKED_AT].double()
    found: list[tuple[float, ...]] = [()] * x.shape[1]
    for place in curved(x):
        found[place] = _quantiles(looked[:, place], number)
    return tuple(found)


def _quantiles(values: Tensor, number: int) -> tuple[float, ...]:
    """Give the different ones of ``number`` quantiles at equal distances."""
    levels = torch.linspace(0, 1, number + 2, dtype=values.dtype)[1:-1]
    return tuple(values.quantile(levels).unique().tolist())


def chosen(train: TableTasks, fitted: Fitted) -> LinearPrior:
    """Choose features for a prior, and fit it.

    Inputs are tried as they are; then squares of those that take at least five values, and bends at
    their quantiles; then products of pairs, on the best of these. What raises the log density of
    tasks that a fit did not see, by more than ``½ log tasks``, is kept.

    Args:
        train: Training tasks.
        fitted: Fits a prior on features.
    """
    search = _Search(fitted, 0.5 * math.log(max(2, len(train.names))))
    search.tried(Expansion(train.x.shape[1]))
    places = curved(train.x)
    if places:
        _with_squares(search, train, places)
        _with_bends(search, train, places)
    _with_products(search, train)
    return search.learner


class _Search:
    """Remember the best features so far.

    Args:
        fitted: Fits a prior on features.
        margin: What features have to gain.
    """

    def __init__(self, fitted: Fitted, margin: float) -> None:
        self.fitted, self.margin = fitted, margin
        self.best = -math.inf
        self.learner: LinearPrior

    def tried(self, features: Expansion) -> bool:
        """Fit a prior on ``features``; say if it is the best so far."""
        learner, density = self.fitted(features)
        better = density > self.best + self.margin or math.isinf(self.best)
        if better:
            self.best, self.learner = density, learner
        return better


def _with_squares(search: _Search, train: TableTasks, places: list[int]) -> None:
    """Try the squares of the inputs at ``places``."""
    squares = tuple((place, place) for place in places)
    search.tried(Expansion(train.x.shape[1], products=squares))


def _with_bends(search: _Search, train: TableTasks, places: list[int]) -> None:
    """Try bends of the inputs at ``places``, more of them while they help."""
    inputs = train.x.shape[1]
    for number in BENDS:
        if inputs + number * len(places) > MOST_FEATURES:
            break
        if not search.tried(Expansion(inputs, knots(train.x, number))):
            break


def _with_products(search: _Search, train: TableTasks) -> None:
    """Try the clearest products of pairs of inputs on the best features so far."""
    so_far = search.learner.model
    assert isinstance(so_far, Expansion)
    pairs = list(combinations(range(so_far.inputs), 2))
    if not 0 < len(pairs) <= MOST_PAIRS:
        return
    clear = clearest(search.learner, train, tuple(pairs))
    if clear:
        search.tried(Expansion(so_far.inputs, so_far.knots, (*so_far.products, *clear)))


def clearest(learner: LinearPrior, train: TableTasks, pairs: Pairs) -> Pairs:
    """Give the pairs of inputs whose product tells of the first target, the clearest first.

    A product ``φ`` is scored by ``(φᵀ V⁻¹ r)² / (σ² φᵀ M φ)`` with the residual ``r`` of the
    prior's mean and ``M = V⁻¹ − V⁻¹ Φ X⁻¹ Φᵀ V⁻¹``. That is chi-squared with one degree of freedom
    if it tells nothing. A pair counts if it is above ``2 log pairs + 2``.

    Args:
        learner: A fitted prior on an expansion of the inputs.
        train: Training tasks.
        pairs: Pairs of places of inputs.
    """
    products = Expansion(train.x.shape[1], products=pairs)
    with torch.no_grad():
        features = with_one(learner.features(train.x)).double()
        new = products(train.x)[:, train.x.shape[1] :].double()
        scores = _scores(learner, train, features, new - new.mean(0))
    order = scores.argsort(descending=True)[:MOST_PRODUCTS].tolist()
    least = 2 * math.log(len(pairs)) + 2
    return tuple(pairs[index] for index in order if scores[index] > least)


def _scores(learner: LinearPrior, train: TableTasks, features: Tensor, new: Tensor) -> Tensor:
    """Score new features ``[row, new]`` beside ``features`` ``[row, feature]``: ``[new]``."""
    prior = learner.prior(0)
    residual = (train.y[:, 0].double() - features @ prior.mean).unsqueeze(1)
    within = _Within.of(prior, features, train.sizes)
    slope = within.product(new, residual).squeeze(1)
    left = within.squares(new) - _explained(within, features, new)
    told = slope.square() / (prior.noise * left.clamp(min=1e-12))
    return told.masked_fill(left < 1e-6 * new.square().sum(0) + 1e-9, 0)


@dataclass(frozen=True)
class _Within:
    """Multiply columns by the precision of the rows of tasks under a prior.

    That is ``V⁻¹ = I − B Bᵀ`` with ``B = Φ L R⁻ᵀ / σ`` in every task.

    Attributes:
        factor: ``B`` of all rows ``[row, feature]``.
        sizes: Rows of every task.
    """

    factor: Tensor
    sizes: list[int]

    @classmethod
    def of(cls, prior: Prior, features: Tensor, sizes: list[int]) -> "_Within":
        """Factorise every task."""
        white = features @ (prior.factor / prior.noise.sqrt())
        return cls(torch.cat([_whitened(own) for own in white.split(sizes)]), sizes)

    def product(self, one: Tensor, other: Tensor) -> Tensor:
        """Multiply columns ``[row, one]`` and ``[row, other]`` with the precision in between."""
        taken = zip(self.turned(one), self.turned(other), strict=True)
        return one.T @ other - sum(own.T @ more for own, more in taken)

    def squares(self, columns: Tensor) -> Tensor:
        """Multiply every column ``[row, column]`` with itself, the precision in between."""
        taken = sum(own.square().sum(0) for own in self.turned(columns))
        return columns.square().sum(0) - taken

    def turned(self, columns: Tensor) -> list[Tensor]:
        """Turn the columns of every task to the coordinates of its factor ``[feature, column]``."""
        both = zip(self.factor.split(self.sizes), columns.split(self.sizes), strict=True)
        return [own.T @ values for own, values in both]


def _whitened(white: Tensor) -> Tensor:
    """Give the factor of a task ``[row, feature]``: its whitened features times an inverse root."""
    root = root_beside_one(white.T @ white)
    return torch.linalg.solve_triangular(root, white.T, upper=False).T


def _explained(within: _Within, features: Tensor, new: Tensor) -> Tensor:
    """Compute the part of the squares of new features that ``features`` explain ``[new]``."""
    mixed, known = within.product(features, new), within.product(features, features)
    ridge = 1e-8 * known.trace() * identity(known)
    shared = torch.linalg.lstsq(known + ridge, mixed).solution
    return (mixed * shared).sum(0)


__all__ = ["BENDS", "CURVED", "Fitted", "chosen", "clearest", "curved", "knots"]
