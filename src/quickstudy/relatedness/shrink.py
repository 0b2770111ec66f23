"""Similarities of tasks, shrunk towards their common mean by what their halves disagree on."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Shrunk:
    """What is known of the true similarities ``κ`` of tasks: ``κ_st ~ N(mean, variance)`` around,
    seen through noise.

    Attributes:
        similarity: The posterior means ``[task, task]``: symmetric, 1 on the diagonal, between −1
            and 1.
        mean: The common mean of all pairs.
        variance: The variance of the true similarities around it; 0 where the halves agree on
            nothing.
        clarity: ``[task]``, the part of a half's own vector that is signal: the cosine of the two
            halves.
        noise: ``[task, task]``, the variance of the noise of a similarity from all rows.
    """

    similarity: Tensor
    mean: float
    variance: float
    clarity: Tensor
    noise: Tensor

    @property
    def reliability(self) -> float:
        """The part of the differences between the similarities that is signal: 0 says nothing is known, 1 all."""
        pairs = off_diagonal(len(self.clarity))
        signal = self.variance * (attenuation(self.clarity).square())[pairs].mean().item()
        total = signal + self.noise[pairs].mean().item()
        return signal / total if total > 0 else 0.0


def cosines(products: Tensor) -> Tensor:
    """``c_st = G_st / √(G_ss G_tt)`` with the norms of the halves that were compared, ``[split, 2, 2, task, task]``; 0 without a norm."""
    norm = (
        torch.stack([products[:, half, half].diagonal(dim1=-2, dim2=-1) for half in (0, 1)], 1)
        .clamp(min=0)
        .sqrt()
    )
    inverse = torch.where(norm > 0, 1 / norm.where(norm > 0, 1.0), 0.0)
    found = products * inverse[:, :, None, :, None] * inverse[:, None, :, None, :]
    return 0.5 * (found + found.transpose(1, 2).transpose(-1, -2))


def attenuation(clarity: Tensor) -> Tensor:
    """``a_st = √(ρ_s ρ_t)``: by which noise in two vectors lowers their cosine (Spearman 1904)."""
    return torch.outer(clarity, clarity).sqrt()


def shrink(seen: Tensor) -> Shrunk:
    """The similarities of tasks, from the cosines of random halves of their rows, by empirical
    Bayes.

    A cosine seen in one half is ``c_st = a_st κ_st + ε``: lowered by noise in the vectors, ``a_st =
    √(ρ_s ρ_t)`` with ``ρ_t`` the cosine of a task's own two halves, and noisy itself. The two
    halves share no row, so that products of what they say have no noise in their mean. They give
    the variance ``τ²`` of the true ``κ_st`` around their mean ``μ``; and the differences of the
    halves that of ``ε``, ``n_st = n_s + n_t``. With ``c̄`` the mean over halves, whose noise is
    half as much,

    ``κ̂_st = μ + g_st (c̄_st − a_st μ)``, ``g_st = a_st τ² / (a_st² τ² + n_st / 2)``.

    Halves that agree wholly change nothing; a task that is all noise is related to all others
    alike.

    Args:
        seen: ``[split, half of s, half of t, task, task]``, what :func:`cosines` gives.

    Source: Morris 1983, eq. 1.5–1.8 (empirical Bayes); Spearman 1904 for the attenuation.

    Example:
        >>> same = torch.tensor([[1.0, 0.4], [0.4, 1.0]]).expand(1, 2, 2, 2, 2)
        >>> shrink(same).similarity
        tensor([[1.0000, 0.4000],
                [0.4000, 1.0000]])
    """
    first, second, across = seen[:, 0, 0], seen[:, 1, 1], seen[:, 0, 1]
    pairs = off_diagonal(seen.shape[-1])
    clarity = across.diagonal(dim1=-2, dim2=-1).mean(0).clamp(0, 1)
    lowered = attenuation(clarity)
    average = seen.mean((0, 1, 2))
    weight = lowered.square()[pairs].sum()
    mean = float(((lowered * average)[pairs].sum() / weight).clamp(-1, 1)) if weight > 0 else 0.0
    agreed = ((first - lowered * mean) * (second - lowered * mean)).mean(0)
    variance = max(0.0, float(agreed[pairs].sum() / weight)) if weight > 0 else 0.0
    noise = 0.5 * by_task(0.5 * (first - second).square().mean(0))
    signal = lowered.square() * variance
    gain = torch.where(
        signal > 0, lowered * variance / (signal + noise).where(signal > 0, 1.0), 0.0
    )
    similarity = (mean + gain * (average - lowered * mean)).clamp(-1, 1)
    similarity = 0.5 * (similarity + similarity.T)
    return Shrunk(similarity.fill_diagonal_(1.0), mean, variance, clarity, noise)


def by_task(values: Tensor) -> Tensor:
    """``[task, task]`` smoothed as ``n_s + n_t``, by least squares over the pairs of different tasks; not below 0."""
    count = len(values)
    rows = values.sum(1) - values.diagonal()
    if count < 3:
        return values
    each = ((rows - rows.sum() / (2 * (count - 1))) / (count - 2)).clamp(min=0)
    return each.unsqueeze(0) + each.unsqueeze(1)


def off_diagonal(count: int) -> Tensor:
    """``[task, task]``, whether two tasks are different."""
    return ~torch.eye(count, dtype=torch.bool)


__all__ = ["Shrunk", "attenuation", "cosines", "off_diagonal", "shrink"]
