"""The mean and covariance of many tasks' logistic regressions, by expectation maximisation.

Posteriors are Laplace's approximations.
"""

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from quickstudy.errors import require

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
        return (self.x @ weights.transpose(1, 2)).log_softmax(2)

    def pull(self, weights: Tensor) -> Tensor:
        """Return the gradient of the log likelihood ``[task, class, feature]``.

        It is ``Φᵀ (1[y = c] − p_c)``.
        """
        return (self.y - self.scores(weights).exp() * self.mask).transpose(1, 2) @ self.x

    def curvature(self, weights: Tensor) -> Tensor:
        """Return minus the second derivative ``[task, class, feature, feature]``.

        It is ``Φᵀ diag(p_c (1 − p_c)) Φ``.
        """
        p = self.scores(weights).exp()
        spread = (p * (1 - p) * self.mask).transpose(1, 2).unsqueeze(-1)
        return (self.x.unsqueeze(1) * spread).transpose(2, 3) @ self.x.unsqueeze(1)


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
        shrinkage: How far every ``Σ_c`` is moved to its own diagonal, from 0 (full) to 1
            (diagonal).
        tolerance: It ends when the log evidence changes by less than this part of itself.

    Raises:
        UserError: If ``shrinkage`` is not from 0 to 1, or there are no rows.

    Source: Dempster, Laird & Rubin 1977 with Tierney & Kadane 1986 for the posterior, here by one
        block of the second derivative for every class. (With the variational bound of Böhning 1992
        instead, the curvature is overstated and the covariances shrink away.)
    """
    require(0 <= shrinkage <= 1, f"Parameter `shrinkage` should be from 0 to 1. Found {shrinkage}.")
    require(len(features) > 0, "A prior should be learned from at least one row. Found none.")
    size = features.shape[1]
    labels = F.one_hot(y, way).to(features.dtype)
    tasks = _Tasks.of(features, labels, sizes)
    mean = _pooled(features, labels, tasks.gram.sum(0).squeeze(0))
    eye = torch.eye(size, dtype=features.dtype)
    prior = ClassPrior(mean, (eye * math.sqrt(2 / size)).expand(way, -1, -1), ())
    weights = mean.expand(len(sizes), -1, -1)
    evidence: list[float] = []
    for _ in range(iterations):
        weights, away = _approach(tasks, prior, weights)
        log_evidence, prior = _iterate(tasks, prior, weights, away, shrinkage)
        evidence.append(log_evidence)
        if len(evidence) > 1 and abs(evidence[-1] - evidence[-2]) < tolerance * abs(evidence[-1]):
            break
    return replace(prior, log_evidence=tuple(evidence))


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
        grams = [block.x.transpose(1, 2) @ block.x for block in blocks]
        return cls(blocks, torch.cat(grams).unsqueeze(1))

    def with_own(self, weights: Tensor) -> list[tuple[_Block, Tensor]]:
        """Return every block with its ``weights`` ``[task, class, feature]``."""
        counts = [len(block.x) for block in self.blocks]
        return list(zip(self.blocks, weights.split(counts), strict=True))


def _approach(tasks: _Tasks, prior: ClassPrior, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Take two steps from ``weights`` ``[task, class, feature]`` to the likeliest of every task.

    Returns:
        ``m_tc`` ``[task, class, feature]`` and ``u_tc`` ``[task, class, feature, 1]``.
    """
    mean, factor = prior.mean, prior.factor
    eye = torch.eye(mean.shape[1], dtype=mean.dtype)
    bound = torch.linalg.cholesky(eye + 0.5 * factor.transpose(1, 2) @ tasks.gram @ factor)
    away = torch.linalg.solve_triangular(factor, (weights - mean).unsqueeze(-1), upper=False)
    for _ in range(2):
        pulls = [block.pull(own) for block, own in tasks.with_own(weights)]
        pull = torch.cat(pulls).unsqueeze(-1)
        away = away + torch.cholesky_solve(factor.transpose(1, 2) @ pull - away, bound)
        weights = mean + (factor @ away).squeeze(-1)
    return weights, away


def _iterate(
    tasks: _Tasks, prior: ClassPrior, weights: Tensor, away: Tensor, shrinkage: float
) -> tuple[float, ClassPrior]:
    """Return the log evidence at the ``weights``, and the prior of the next iteration."""
    factor, parts = prior.factor, tasks.with_own(weights)
    eye = torch.eye(factor.shape[1], dtype=factor.dtype)
    curvature = torch.cat([block.curvature(own) for block, own in parts])
    root = torch.linalg.cholesky(eye + factor.transpose(1, 2) @ curvature @ factor)
    fit = sum(float((block.scores(own) * block.y).sum()) for block, own in parts)
    half_log_determinant = root.diagonal(dim1=-2, dim2=-1).log().sum()
    evidence = fit - float(0.5 * away.square().sum() + half_log_determinant)
    spread = (factor @ torch.cholesky_inverse(root) @ factor.transpose(1, 2)).mean(0)
    mean = weights.mean(0)
    return evidence, ClassPrior(mean, _factor(weights - mean, spread, shrinkage), ())


def _factor(apart: Tensor, spread: Tensor, shrinkage: float) -> Tensor:
    """Return ``L_c`` of the shrunk covariance ``Σ_c`` of the next iteration.

    Args:
        apart: ``m_tc − μ_c`` ``[task, class, feature]``.
        spread: ``mean_t P_tc`` ``[class, feature, feature]``.
        shrinkage: How far it is moved to its own diagonal.
    """
    by_class, way = apart.transpose(0, 1), apart.shape[1]
    covariance = way / max(1, way - 1) * by_class.transpose(1, 2) @ by_class / len(apart) + spread
    diagonal = covariance.diagonal(dim1=1, dim2=2)
    covariance = (1 - shrinkage) * covariance + shrinkage * torch.diag_embed(diagonal)
    jitter = 1e-9 * (diagonal.mean(1) + 1e-12).reshape(-1, 1, 1)
    eye = torch.eye(apart.shape[2], dtype=apart.dtype)
    factor: Tensor = torch.linalg.cholesky(covariance + jitter * eye)
    return factor


def _blocks(features: Tensor, labels: Tensor, sizes: list[int]) -> list[_Block]:
    """Put tasks of about one size together, in the order of their sizes."""
    pairs = zip(features.split(sizes), labels.split(sizes), strict=True)
    groups: list[list[tuple[Tensor, Tensor]]] = []
    for pair in sorted(pairs, key=lambda pair: len(pair[0])):
        if groups and _belongs(len(pair[0]), groups[-1]):
            groups[-1].append(pair)
        else:
            groups.append([pair])
    return [_padded(group) for group in groups]


def _belongs(rows: int, group: list[tuple[Tensor, Tensor]]) -> bool:
    """Say whether a task of ``rows`` is padded with the ``group`` of smaller tasks."""
    alike = rows <= 1.25 * len(group[0][0]) + 4
    return alike and rows * len(group) < ROWS_AT_ONCE


def _padded(group: list[tuple[Tensor, Tensor]]) -> _Block:
    """Make a block of tasks' features and labels."""
    x = pad_sequence([features for features, _ in group], batch_first=True)
    y = pad_sequence([labels for _, labels in group], batch_first=True)
    return _Block(x, y, y.sum(2, keepdim=True))


def _pooled(features: Tensor, labels: Tensor, gram: Tensor) -> Tensor:
    """Return the weights ``[class, feature]`` of one logistic regression for all rows.

    It is regularised a little.
    """
    size = len(gram)
    ridge = 1e-3 * (gram.trace() / size + 1e-12)
    root = torch.linalg.cholesky(0.5 * gram + ridge * torch.eye(size, dtype=gram.dtype))
    weights = features.new_zeros(labels.shape[1], size)
    for _ in range(STEPS_TO_START):
        residual = labels - (features @ weights.T).softmax(1)
        slope = features.T @ residual - ridge * weights.T
        weights = weights + torch.cholesky_solve(slope, root).T
    return weights


__all__ = ["ClassPrior", "logistic_bayes"]
