"""Groups of related tasks: how many the rows can tell apart, one where they cannot."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, leaves_list, linkage
from scipy.spatial.distance import squareform
from torch import Tensor

from quickstudy.relatedness.shrink import Shrunk, attenuation, off_diagonal

Tree = NDArray[np.float64]
"""scipy's linkage matrix: which two clusters were merged, at which distance."""

ENOUGH = 0.95
"""The fewest groups are taken that explain this part of what any number of groups explains."""


def tree_of(similarity: Tensor, ordered: bool = False) -> Tree:
    """The tree of tasks ``[task − 1, 4]`` by average linkage of ``1 − similarity`` ``[task, task]``; ``ordered``: like beside like."""
    distance = (1 - similarity.double()).clamp(min=0).fill_diagonal_(0).cpu().numpy()
    return np.asarray(
        linkage(
            squareform(distance, checks=False),
            "average",
            optimal_ordering=ordered and len(distance) <= 500,
        )
    )


def cut(tree: Tree, count: int) -> Tensor:
    """The group of every task ``[task]`` where ``tree`` is cut into at most ``count``, numbered in the order of its leaves."""
    labels = fcluster(tree, count, "maxclust")
    order = dict.fromkeys(int(labels[leaf]) for leaf in leaves_list(tree))
    number = {label: place for place, label in enumerate(order)}
    return torch.tensor([number[int(label)] for label in labels])


def num_groups(seen: Tensor, shrunk: Shrunk, most: int = 12) -> int:
    """How many groups the rows can tell apart: those found in one half have to explain the other
    half.

    In one half, the tree of its similarities is cut into ``k`` groups, and the mean similarity of
    each pair of groups is estimated. They predict every similarity of the other half, from other
    rows. Groups that are made of noise predict worse than one number for all pairs, so ``k = 1``
    wins where nothing can be told. Where the best ``k`` saves more of the squared error than its
    standard deviation over the splits, it is the least ``k`` that saves 95 % as much.

    Args:
        seen: ``[split, half of s, half of t, task, task]``, what
            :func:`~quickstudy.relatedness.shrink.cosines` gives.
        shrunk: What :func:`~quickstudy.relatedness.shrink.shrink` made of it.
        most: The most groups to try.

    Returns:
        1 to ``most``.
    """
    count = seen.shape[-1]
    tried = range(2, min(most, count - 1) + 1)
    if not shrunk.variance or not len(tried):
        return 1
    gains = torch.zeros(len(tried), len(seen), 2, dtype=torch.float64)
    for split in range(len(seen)):
        for half in (0, 1):
            own, other = seen[split, half, half], seen[split, 1 - half, 1 - half]
            tree = tree_of(_from_half(own, shrunk))
            for place, k in enumerate(tried):
                gains[place, split, half] = _explained(
                    own, other, attenuation(shrunk.clarity), cut(tree, k)
                )
    mean = gains.mean((1, 2))
    best = int(mean.argmax())
    spread = float(gains[best].mean(1).std()) if len(seen) > 1 else 0.0
    if float(mean[best]) <= spread:
        return 1
    return next(
        k
        for k, gain in zip(tried, mean.tolist(), strict=True)
        if gain >= ENOUGH * float(mean[best])
    )


def _from_half(seen: Tensor, shrunk: Shrunk) -> Tensor:
    """The posterior means of the similarities given the cosines of one half alone."""
    lowered = attenuation(shrunk.clarity)
    noise = 2 * shrunk.noise
    gain = lowered * shrunk.variance / (lowered.square() * shrunk.variance + noise).clamp(min=1e-12)
    return (shrunk.mean + gain * (seen - lowered * shrunk.mean)).clamp(-1, 1)


def _explained(own: Tensor, other: Tensor, lowered: Tensor, groups: Tensor) -> float:
    """The part of one number's squared error in ``other`` that a number for each pair of groups saves; all estimated in ``own``."""
    pairs = off_diagonal(len(groups)).to(own.dtype)
    one = (pairs * lowered * own).sum() / (pairs * lowered.square()).sum().clamp(min=1e-12)
    member = torch.nn.functional.one_hot(groups).to(own.dtype)
    of_blocks = (
        member.T
        @ (pairs * lowered * own)
        @ member
        / (member.T @ (pairs * lowered.square()) @ member).clamp(min=1e-12)
    )
    before, after = (
        (pairs * (other - lowered * found).square()).sum()
        for found in (one, member @ of_blocks @ member.T)
    )
    return float(1 - after / before.clamp(min=1e-12))


__all__ = ["Tree", "cut", "num_groups", "tree_of"]
