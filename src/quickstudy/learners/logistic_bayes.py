"""The mean and covariance of many tasks' logistic regressions, by expectation maximisation.

Posteriors are Laplace's approximations.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from quickstudy.errors import require
from quickstudy.learners.priors.roots import identity, root_beside_one

STEPS_TO_START = 100
ROWS_AT_ONCE = 50_000


@dataclass(frozen=True)
class ClassPrior:
    """Hold a prior over the weights of every class.

    They are ``w_c ~ N(mean[c], factor[c] factor[c]ᵀ)``.

    Attributes:
        mean: ``μ`` ``[class, feature]``.
        factor: ``L``, lower triangular ``[class, feature, feature]``.
        log_evidence: The approximate log evidence in every iteration.
    """

    mean: Tensor
    factor: Tensor
    log_evidence: tuple[float, ...]


@dataclass(frozen=True)
class _Block:
    """Hold tasks of about one size.

    Attributes:
        x: ``Φ`` ``[task, row, feature]``.
        y: Labels of zeros and ones ``[task, row, class]``.
        mask: 1 for real rows ``[task, row, 1]``.
    """

    x: Tensor
    y: Tensor
    mask: Tensor

    def scores(self, weights: Tensor) -> Tensor:
        """Return ``log p`` ``[task, row, class]`` by ``weights`` ``[task, class, feature]``."""
        return (self.x @ weights.mT).log_softmax(2)

    def probabilities(self, weights: Tensor) -> Tensor:
        """Return the probabilities of classes ``[task, row, class]``."""
        return self.scores(weights).exp()

    def log_likelihood(self, weights: Tensor) -> float:
        """Return the log probability of all labels by ``weights``."""
        return float((self.scores(weights) * self.y).sum())

    def pull(self, weights: Tensor) -> Tensor:
        """Return the gradient of the log likelihood ``[task, class, feature]``.

        It is ``Φᵀ (1[y = c] − p_c)``.
        """
        return (self.y - self.probabilities(weights) * self.mask).mT @ self.x

    def curvature(self, weights: Tensor) -> Tensor:
        """Return minus the second derivative ``[task, class, feature, feature]``.

        It is ``Φᵀ diag(p_c (1 − p_c)) Φ``.
        """
        x = self.x.unsqueeze(1)
        return (x * self._spread(weights)).mT @ x

    def _spread(self, weights: Tensor) -> Tensor:
        """Return ``p_c (1 − p_c)`` of real rows ``[task, class, row, 1]``."""
        p = self.probabilities(weights)
        return (p * (1 - p) * self.mask).mT.unsqueeze(-1)


def logistic_bayes(
    features: Tensor,
    y: Tensor,
    sizes: list[int],
    way: int,
    iterations: int = 50,
    shrinkage: float = 0.5,
    tolerance: float = 1e-5,
) -> ClassPrior:
    """Find the prior under which the tasks' classes are likeliest, their weights integrated out.

    The posterior of a task is ``N(m_tc, P_tc)`` for every class, with ``m_t`` approached as by
    :class:`~quickstudy.LogisticPrior` and ``P_tc = (Σ_c⁻¹ + H_tc)⁻¹``, in which
    ``H_tc = Φ_tᵀ diag(p_c (1 − p_c)) Φ_t``. An iteration takes two steps towards ``m_t`` and sets

    ``μ_c ← mean_t m_tc``, ``Σ_c ← mean_t [way / (way − 1) · (m_tc − μ_c)(m_tc − μ_c)ᵀ + P_tc]``.

    The common part of the weights of all classes changes no probability, so ``m_t`` has none of it.
    Its variance is a ``way``-th of ``Σ_c`` if the classes are alike; the factor puts it back. The
    log evidence is ``Σ_t [log P(y_t | m_t) − ½ Σ_c ‖u_tc‖² − ½ Σ_c log det(I + L_cᵀ H_tc L_c)]``
    with ``m_tc = μ_c + L_c u_tc``.

    Args:
        features: ``Φ`` of all rows, ordered by task ``[row, feature]``.
        y: Class indices ``[row]``.
        sizes: Rows of every task.
        way: Number of classes.
        iterations: The most iterations.
        shrinkage: How far every ``Σ_c`` is moved to its diagonal, from 0 (full) to 1
            (diagonal).
        tolerance: It ends when the log evidence changes by less than this part of itself.

    Raises:
        UserError: If ``shrinkage`` is not from 0 to 1, or there are no rows.

    Source: Dempster, Laird & Rubin 1977 with Tierney & Kadane 1986 for the posterior, here by one
        block of the second derivative for every class. (With the variational bound of Böhning 1992
        instead, the curvature is overstated and the covariances shrink away.)
    """
    _check(features, shrinkage)
    labels = F.one_hot(y, way).to(features.dtype)
    tasks = _Tasks.of(features, labels, sizes)
    start = _start(_pooled(features, labels, tasks.gram.sum(0).squeeze(0)))
    return _Search(tasks, shrinkage, tolerance).found(start, iterations)


def _check(features: Tensor, shrinkage: float) -> None:
    """Raise if ``shrinkage`` is out of range, or there are no rows."""
    require(0 <= shrinkage <= 1, f"Parameter `shrinkage` should be from 0 to 1. Found {shrinkage}.")
    require(len(features) > 0, "A prior should be learned from at least one row. Found none.")


def _start(mean: Tensor) -> ClassPrior:
    """Return a prior around ``mean`` ``[class, feature]``, alike in all directions."""
    way, size = mean.shape
    factor = identity(mean) * math.sqrt(2 / size)
    return ClassPrior(mean, factor.expand(way, -1, -1), ())


@dataclass(frozen=True)
class _Tasks:
    """Hold all tasks, in the order of their sizes.

    Attributes:
        blocks: The tasks.
        gram: ``Φᵀ Φ`` of every task ``[task, 1, feature, feature]``.
    """

    blocks: list[_Block]
    gram: Tensor

    @classmethod
    def of(cls, features: Tensor, labels: Tensor, sizes: list[int]) -> "_Tasks":
        """Make blocks of rows that are ordered by task."""
        blocks = _blocks(features, labels, sizes)
        grams = [block.x.mT @ block.x for block in blocks]
        return cls(blocks, torch.cat(grams).unsqueeze(1))

    def each(self, weights: Tensor) -> list[tuple[_Block, Tensor]]:
        """Return every block with its ``weights`` ``[task, class, feature]``."""
        counts = [len(block.x) for block in self.blocks]
        return list(zip(self.blocks, weights.split(counts), strict=True))

    def pull(self, weights: Tensor) -> Tensor:
        """Return the gradient of the log likelihood ``[task, class, feature]``."""
        return torch.cat([block.pull(own) for block, own in self.each(weights)])

    def curvature(self, weights: Tensor) -> Tensor:
        """Return minus the second derivative ``[task, class, feature, feature]``."""
        return torch.cat([block.curvature(own) for block, own in self.each(weights)])

    def log_likelihood(self, weights: Tensor) -> float:
        """Return the log probability of all labels."""
        return sum(block.log_likelihood(own) for block, own in self.each(weights))


@dataclass(frozen=True)
class _Search:
    """Search for the likeliest prior.

    Attributes:
        tasks: The tasks.
        shrinkage: How far every covariance is moved to its diagonal.
        tolerance: The part of the log evidence below which a change ends the search.
    """

    tasks: _Tasks
    shrinkage: float
    tolerance: float

    def found(self, prior: ClassPrior, iterations: int) -> ClassPrior:
        """Take at most ``iterations`` steps from ``prior``."""
        weights = prior.mean.expand(len(self.tasks.gram), -1, -1)
        evidence: list[float] = []
        for _ in range(iterations):
            posterior = _approach(self.tasks, prior, weights)
            weights = posterior.weights
            evidence.append(posterior.log_evidence())
            prior = posterior.next_prior(self.shrinkage)
            if self._is_over(evidence):
                break
        return replace(prior, log_evidence=tuple(evidence))

    def _is_over(self, evidence: list[float]) -> bool:
        """Say whether the last iteration changed the log evidence little."""
        if len(evidence) < 2:
            return False
        return abs(evidence[-1] - evidence[-2]) < self.tolerance * abs(evidence[-1])


@dataclass(frozen=True, eq=False)
class _Posterior:
    """Hold the approximate posterior of every task under a prior.

    Attributes:
        tasks: The tasks.
        prior: The prior.
        weights: ``m_tc`` ``[task, class, feature]``.
        away: ``u_tc`` ``[task, class, feature, 1]``.
    """

    tasks: _Tasks
    prior: ClassPrior
    weights: Tensor
    away: Tensor

    @cached_property
    def root(self) -> Tensor:
        """The factor of the whitened precision ``[task, class, feature, feature]``.

        It is that of ``I + L_cᵀ H_tc L_c``.
        """
        factor = self.prior.factor
        return root_beside_one(factor.mT @ self.tasks.curvature(self.weights) @ factor)

    def log_evidence(self) -> float:
        """Return the approximate log evidence of the prior."""
        half_log_determinant = self.root.diagonal(dim1=-2, dim2=-1).log().sum()
        cost = 0.5 * self.away.square().sum() + half_log_determinant
        return self.tasks.log_likelihood(self.weights) - float(cost)

    def next_prior(self, shrinkage: float) -> ClassPrior:
        """Return the prior of the next iteration."""
        mean = self.weights.mean(0)
        covariance = _covariance(self.weights - mean) + self._spread()
        return ClassPrior(mean, _root(_shrunk(covariance, shrinkage)), ())

    def _spread(self) -> Tensor:
        """Return the mean of the posterior covariances ``[class, feature, feature]``."""
        factor = self.prior.factor
        return (factor @ torch.cholesky_inverse(self.root) @ factor.mT).mean(0)


def _approach(tasks: _Tasks, prior: ClassPrior, weights: Tensor) -> _Posterior:
    """Take two steps from ``weights`` ``[task, class, feature]`` to the likeliest of every task."""
    mean, factor = prior.mean, prior.factor
    bound = root_beside_one(0.5 * factor.mT @ tasks.gram @ factor)
    away = torch.linalg.solve_triangular(factor, (weights - mean).unsqueeze(-1), upper=False)
    for _ in range(2):
        pull = tasks.pull(weights).unsqueeze(-1)
        away = away + torch.cholesky_solve(factor.mT @ pull - away, bound)
        weights = mean + (factor @ away).squeeze(-1)
    return _Posterior(tasks, prior, weights, away)


def _covariance(apart: Tensor) -> Tensor:
    """Return the covariance of the tasks' weights ``[class, feature, feature]``.

    Args:
        apart: ``m_tc − μ_c`` ``[task, class, feature]``.
    """
    by_class, way = apart.transpose(0, 1), apart.shape[1]
    return way / max(1, way - 1) * by_class.mT @ by_class / len(apart)


def _shrunk(covariance: Tensor, shrinkage: float) -> Tensor:
    """Move a covariance ``[class, feature, feature]`` to its diagonal, by a part ``shrinkage``."""
    diagonal = torch.diag_embed(covariance.diagonal(dim1=1, dim2=2))
    return (1 - shrinkage) * covariance + shrinkage * diagonal


def _root(covariance: Tensor) -> Tensor:
    """Return the lower Cholesky factor of a covariance ``[class, feature, feature]``."""
    size = covariance.diagonal(dim1=1, dim2=2).mean(1)
    jitter = 1e-9 * (size + 1e-12).reshape(-1, 1, 1)
    root: Tensor = torch.linalg.cholesky(covariance + jitter * identity(covariance))
    return root


Rows = tuple[Tensor, Tensor]
"""Features ``[row, feature]`` and labels ``[row, class]`` of a task."""


def _blocks(features: Tensor, labels: Tensor, sizes: list[int]) -> list[_Block]:
    """Put tasks of about one size together, in the order of their sizes."""
    tasks = zip(features.split(sizes), labels.split(sizes), strict=True)
    groups: list[list[Rows]] = []
    for task in sorted(tasks, key=_num_rows):
        if groups and _belongs(_num_rows(task), groups[-1]):
            groups[-1].append(task)
        else:
            groups.append([task])
    return [_padded(group) for group in groups]


def _num_rows(task: Rows) -> int:
    return len(task[0])


def _belongs(rows: int, group: list[Rows]) -> bool:
    """Say whether a task of ``rows`` is padded with the ``group`` of smaller tasks."""
    alike = rows <= 1.25 * _num_rows(group[0]) + 4
    return alike and rows * len(group) < ROWS_AT_ONCE


def _padded(group: list[Rows]) -> _Block:
    """Make a block of tasks' features and labels."""
    features, labels = zip(*group, strict=True)
    x, y = _stacked(features), _stacked(labels)
    return _Block(x, y, y.sum(2, keepdim=True))


def _stacked(rows: tuple[Tensor, ...]) -> Tensor:
    """Return the rows of tasks ``[task, row, ...]``, padded with zeros."""
    return pad_sequence(list(rows), batch_first=True)


def _pooled(features: Tensor, labels: Tensor, gram: Tensor) -> Tensor:
    """Return the weights ``[class, feature]`` of one logistic regression for all rows.

    It is regularised a little.
    """
    ridge = 1e-3 * (gram.trace() / len(gram) + 1e-12)
    root = torch.linalg.cholesky(0.5 * gram + ridge * identity(gram))
    weights = features.new_zeros(labels.shape[1], len(gram))
    for _ in range(STEPS_TO_START):
        residual = labels - (features @ weights.T).softmax(1)
        slope = features.T @ residual - ridge * weights.T
        weights = weights + torch.cholesky_solve(slope, root).T
    return weights


__all__ = ["ClassPrior", "logistic_bayes"]
