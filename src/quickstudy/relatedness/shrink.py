"""Similarities of tasks, shrunk towards their common mean by the disagreement of their halves."""

from dataclasses import dataclass

import torch
from torch import Tensor

from quickstudy.relatedness.ratio import ratio


@dataclass(frozen=True)
class Shrunk:
    """Hold estimates of the true similarities of tasks, which are seen through noise.

    The true similarities are taken as ``κ_st ~ N(mean, variance)``.

    Attributes:
        similarity: The posterior means ``[task, task]``: symmetric, 1 on the diagonal, between −1
            and 1.
        mean: The common mean of all pairs.
        variance: The variance of the true similarities around it; 0 if the halves agree on
            nothing.
        clarity: ``[task]``, the part of a half's vector that is signal: the cosine of the two
            halves.
        noise: ``[task, task]``, the variance of the noise of a similarity from all rows.
    """

    similarity: Tensor
    mean: float
    variance: float
    clarity: Tensor
    noise: Tensor

    @property
    def lowered(self) -> Tensor:
        """The factor ``[task, task]`` by which noise lowers a cosine."""
        return attenuation(self.clarity)

    @property
    def reliability(self) -> float:
        """The part of the differences between the similarities that is signal.

        0 if nothing is known, 1 if there is no noise.
        """
        pairs = off_diagonal(len(self.clarity))
        signal = self.variance * self.lowered.square()[pairs].mean().item()
        total = signal + self.noise[pairs].mean().item()
        return signal / total if total > 0 else 0.0


def cosines(products: Tensor) -> Tensor:
    """Normalise inner products by the norms of the halves that were compared.

    ``c_st = G_st / √(G_ss G_tt)``; 0 without a norm.

    Args:
        products: ``[split, half of s, half of t, task, task]``.

    Returns:
        Cosines of the same shape, symmetric in the two tasks.
    """
    squares = [products[:, half, half].diagonal(dim1=-2, dim2=-1) for half in (0, 1)]
    inverse = ratio(1.0, torch.stack(squares, 1).clamp(min=0).sqrt())
    found = products * inverse[:, :, None, :, None] * inverse[:, None, :, None, :]
    return 0.5 * (found + found.transpose(1, 2).transpose(-1, -2))


def attenuation(clarity: Tensor) -> Tensor:
    """Compute the factor by which noise in two vectors lowers their cosine.

    ``a_st = √(ρ_s ρ_t)`` ``[task, task]`` from the clarities ``ρ`` ``[task]`` (Spearman 1904).
    """
    return torch.outer(clarity, clarity).sqrt()


def shrink(seen: Tensor) -> Shrunk:
    """Estimate the similarities of tasks from cosines of random halves, by empirical Bayes.

    A cosine seen in one half is ``c_st = a_st κ_st + ε``. It is lowered by noise in the vectors,
    ``a_st = √(ρ_s ρ_t)`` with ``ρ_t`` the cosine of a task's two halves. The cosine is also noisy
    itself. The two halves share no row, so the product of their cosines has no noise in its mean.
    Such products give the variance ``τ²`` of the true ``κ_st`` around their mean ``μ``. The
    differences of the halves give the variance of ``ε``, ``n_st = n_s + n_t``. The mean over halves
    ``c̄`` has half as much noise, so

    ``κ̂_st = μ + g_st (c̄_st − a_st μ)``, ``g_st = a_st τ² / (a_st² τ² + n_st / 2)``.

    Halves that agree fully change nothing. A task that is all noise is related to all others
    alike.

    Args:
        seen: The cosines ``[split, half of s, half of t, task, task]`` of :func:`cosines`.

    Source: Morris 1983, eq. 1.5–1.8 (empirical Bayes); Spearman 1904 for the attenuation.

    Example:
        >>> same = torch.tensor([[1.0, 0.4], [0.4, 1.0]]).expand(1, 2, 2, 2, 2)
        >>> shrink(same).similarity
        tensor([[1.0000, 0.4000],
                [0.4000, 1.0000]])
    """
    clarity = seen[:, 0, 1].diagonal(dim1=-2, dim2=-1).mean(0).clamp(0, 1)
    lowered, average = attenuation(clarity), seen.mean((0, 1, 2))
    mean = _common_mean(average, lowered)
    variance = _true_variance(seen, lowered, mean)
    noise = _noise(seen[:, 0, 0] - seen[:, 1, 1])
    gain = ratio(lowered * variance, lowered.square() * variance + noise)
    similarity = _symmetric((mean + gain * (average - lowered * mean)).clamp(-1, 1))
    return Shrunk(similarity, mean, variance, clarity, noise)


def _symmetric(matrix: Tensor) -> Tensor:
    return (0.5 * (matrix + matrix.T)).fill_diagonal_(1.0)


def _noise(difference: Tensor) -> Tensor:
    """Estimate the variance of the noise of a similarity from all rows ``[task, task]``.

    ``difference`` ``[split, task, task]`` are the differences of the two halves' cosines.
    """
    return 0.5 * by_task(0.5 * difference.square().mean(0))


def _common_mean(average: Tensor, lowered: Tensor) -> float:
    """Estimate ``μ`` by least squares over the pairs of different tasks."""
    return max(-1.0, min(1.0, _fitted(lowered * average, lowered)))


def _true_variance(seen: Tensor, lowered: Tensor, mean: float) -> float:
    """Estimate ``τ²`` by the products of the two halves; not below 0."""
    first, second = (seen[:, half, half] - lowered * mean for half in (0, 1))
    return max(0.0, _fitted((first * second).mean(0), lowered))


def _fitted(values: Tensor, lowered: Tensor) -> float:
    """Sum ``values`` over pairs of different tasks, over the sum of ``a_st²``; 0 if that is 0."""
    pairs = off_diagonal(len(lowered))
    weight = lowered.square()[pairs].sum()
    return float(values[pairs].sum() / weight) if weight > 0 else 0.0


def by_task(values: Tensor) -> Tensor:
    """Smooth a matrix of pairs to a sum of one number for each task, not below 0.

    ``n_s + n_t`` ``[task, task]`` is fitted to ``values`` ``[task, task]`` by least squares over
    the pairs of different tasks. Fewer than three tasks are left as they are.
    """
    count = len(values)
    rows = values.sum(1) - values.diagonal()
    if count < 3:
        return values
    each = ((rows - rows.sum() / (2 * (count - 1))) / (count - 2)).clamp(min=0)
    return each.unsqueeze(0) + each.unsqueeze(1)


def off_diagonal(count: int) -> Tensor:
    """Say for every pair ``[task, task]`` whether its tasks are different."""
    return ~torch.eye(count, dtype=torch.bool)


__all__ = ["Shrunk", "attenuation", "by_task", "cosines", "off_diagonal", "shrink"]
