"""The mean and covariance of many tasks' logistic regressions, by expectation maximisation with Laplace's approximation."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from quickstudy.errors import require

STEPS_TO_START = 100
ROWS_AT_ONCE = 50_000


@dataclass(frozen=True)
class ClassPrior:
    """``w_c ~ N(mean[c], factor[c] factor[c]ᵀ)`` for every class, and the approximate log evidence after every iteration."""

    mean: Tensor
    factor: Tensor
    log_evidence: tuple[float, ...]


@dataclass(frozen=True)
class _Block:
    """Tasks of like size: ``x`` ``[task, row, feature]``, ``y`` ``[task, row, class]`` of zeros and ones, ``mask`` ``[task, row, 1]``."""

    x: Tensor
    y: Tensor
    mask: Tensor

    def scores(self, weights: Tensor) -> Tensor:
        """``log p`` ``[task, row, class]`` by ``weights`` ``[task, class, feature]``."""
        return (self.x @ weights.transpose(1, 2)).log_softmax(2)

    def pull(self, weights: Tensor) -> Tensor:
        """``Φᵀ (1[y = c] − p_c)``, the gradient of the log likelihood ``[task, class, feature]``."""
        return (self.y - self.scores(weights).exp() * self.mask).transpose(1, 2) @ self.x

    def curvature(self, weights: Tensor) -> Tensor:
        """``Φᵀ diag(p_c (1 − p_c)) Φ``, minus the second derivative ``[task, class, feature, feature]``."""
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
    """The prior under which the tasks' classes are likeliest, their weights integrated out.

    The posterior of a task is ``N(m_tc, P_tc)`` for every class, ``m_t`` approached as by
    :class:`~quickstudy.LogisticPrior` and ``P_tc = (Σ_c⁻¹ + H_tc)⁻¹`` with ``H_tc = Φ_tᵀ diag(p_c
    (1 − p_c)) Φ_t``. An iteration takes two steps towards ``m_t`` and sets

    ``μ_c ← mean_t m_tc``, ``Σ_c ← mean_t [way / (way − 1) · (m_tc − μ_c)(m_tc − μ_c)ᵀ + P_tc]``.

    What the weights of all classes have in common changes no probability, so ``m_t`` has nothing of
    it, and its variance, a ``way``-th of ``Σ_c`` where the classes are alike, is put back by the
    factor. The log evidence is ``Σ_t [log P(y_t | m_t) − ½ Σ_c ‖u_tc‖² − ½ Σ_c log det(I + L_cᵀ
    H_tc L_c)]``, ``m_tc = μ_c + L_c u_tc``.

    Args:
        features: ``Φ`` of all rows, ordered by task ``[row, feature]``.
        y: Class indices ``[row]``.
        sizes: Rows of every task.
        way: Number of classes.
        iterations: At most so many.
        shrinkage: How far every ``Σ_c`` is moved to its own diagonal, from 0 (full) to 1
            (diagonal).
        tolerance: It ends when the log evidence changes by less than this part of itself.

    Raises:
        UserError: If ``shrinkage`` is not from 0 to 1, or there are no rows.

    Source: Dempster, Laird & Rubin 1977 with Tierney & Kadane 1986 for the posterior, here by one
        block of the second derivative for
    every class. (The variational bound of Böhning 1992 in its place overstates the curvature, and
    the covariances shrink away.)"""
    require(0 <= shrinkage <= 1, f"Parameter `shrinkage` should be from 0 to 1. Found {shrinkage}.")
    require(len(features) > 0, "A prior should be learned from at least one row. Found none.")
    size = features.shape[1]
    eye = torch.eye(size, dtype=features.dtype)
    labels = F.one_hot(y, way).to(features.dtype)
    blocks = _blocks(features, labels, sizes)
    counts = [len(block.x) for block in blocks]
    gram = torch.cat([block.x.transpose(1, 2) @ block.x for block in blocks]).unsqueeze(1)
    mean = _pooled(features, labels, gram.sum(0).squeeze(0))
    factor = (eye * math.sqrt(2 / size)).expand(way, -1, -1)
    weights = mean.expand(len(gram), -1, -1)
    evidence: list[float] = []
    for _ in range(iterations):
        bound = torch.linalg.cholesky(eye + 0.5 * factor.transpose(1, 2) @ gram @ factor)
        away = torch.linalg.solve_triangular(factor, (weights - mean).unsqueeze(-1), upper=False)
        for _ in range(2):
            pull = torch.cat(
                [block.pull(own) for block, own in zip(blocks, weights.split(counts), strict=True)]
            ).unsqueeze(-1)
            away = away + torch.cholesky_solve(factor.transpose(1, 2) @ pull - away, bound)
            weights = mean + (factor @ away).squeeze(-1)
        parts = list(zip(blocks, weights.split(counts), strict=True))
        curvature = torch.cat([block.curvature(own) for block, own in parts])
        root = torch.linalg.cholesky(eye + factor.transpose(1, 2) @ curvature @ factor)
        fit = sum(float((block.scores(own) * block.y).sum()) for block, own in parts)
        evidence.append(
            fit - float(0.5 * away.square().sum() + root.diagonal(dim1=-2, dim2=-1).log().sum())
        )
        spread = (factor @ torch.cholesky_inverse(root) @ factor.transpose(1, 2)).mean(0)
        mean = weights.mean(0)
        factor = _factor(weights - mean, spread, shrinkage, eye)
        if len(evidence) > 1 and abs(evidence[-1] - evidence[-2]) < tolerance * abs(evidence[-1]):
            break
    return ClassPrior(mean, factor, tuple(evidence))


def _factor(apart: Tensor, spread: Tensor, shrinkage: float, eye: Tensor) -> Tensor:
    """``L_c`` of the shrunk ``way / (way − 1) · mean_t (m_tc − μ_c)(m_tc − μ_c)ᵀ`` plus ``spread``."""
    by_class, way = apart.transpose(0, 1), apart.shape[1]
    covariance = way / max(1, way - 1) * by_class.transpose(1, 2) @ by_class / len(apart) + spread
    diagonal = covariance.diagonal(dim1=1, dim2=2)
    covariance = (1 - shrinkage) * covariance + shrinkage * torch.diag_embed(diagonal)
    factor: Tensor = torch.linalg.cholesky(
        covariance + 1e-9 * (diagonal.mean(1) + 1e-12).reshape(-1, 1, 1) * eye
    )
    return factor


def _blocks(features: Tensor, labels: Tensor, sizes: list[int]) -> list[_Block]:
    """The tasks in the order of their sizes, those of about the same size together."""
    pairs = sorted(
        zip(features.split(sizes), labels.split(sizes), strict=True), key=lambda pair: len(pair[0])
    )
    groups: list[list[tuple[Tensor, Tensor]]] = []
    for pair in pairs:
        rows = len(pair[0])
        small = (
            groups
            and rows <= 1.25 * len(groups[-1][0][0]) + 4
            and rows * len(groups[-1]) < ROWS_AT_ONCE
        )
        groups[-1].append(pair) if small else groups.append([pair])
    made = []
    for group in groups:
        x, y = (pad_sequence(list(values), batch_first=True) for values in zip(*group, strict=True))
        made.append(_Block(x, y, y.sum(2, keepdim=True)))
    return made


def _pooled(features: Tensor, labels: Tensor, gram: Tensor) -> Tensor:
    """The weights ``[class, feature]`` of one logistic regression for all rows, a little regularised."""
    ridge = 1e-3 * (gram.trace() / len(gram) + 1e-12)
    root = torch.linalg.cholesky(0.5 * gram + ridge * torch.eye(len(gram), dtype=gram.dtype))
    weights = features.new_zeros(labels.shape[1], len(gram))
    for _ in range(STEPS_TO_START):
        residual = labels - (features @ weights.T).softmax(1)
        weights = weights + torch.cholesky_solve(features.T @ residual - ridge * weights.T, root).T
    return weights


__all__ = ["ClassPrior", "logistic_bayes"]
