"""Groups of related tasks: as many as the rows can tell apart, or one if they cannot."""

from collections.abc import Sequence
from functools import partial
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, leaves_list, linkage
from scipy.spatial.distance import squareform
from torch import Tensor

from quickstudy.relatedness.shrink import Shrunk, off_diagonal

Tree = NDArray[np.float64]
"""scipy's linkage matrix ``[task − 1, 4]``: the two clusters of every merger and their distance."""

ENOUGH = 0.95
"""As few groups are taken as save at least this part of the most that can be saved."""
MOST_ORDERED = 500
"""Trees of more tasks are not ordered, because that takes too long."""
TINY = 1e-12


def tree_of(similarity: Tensor, ordered: bool = False) -> Tree:
    """Join tasks into a tree by average linkage of their distances.

    Args:
        similarity: ``[task, task]``; the distance is ``1 − similarity``.
        ordered: Whether leaves are ordered so that similar tasks stand side by side.
    """
    distance = (1 - similarity.double()).clamp(min=0).fill_diagonal_(0).cpu().numpy()
    pairs = squareform(distance, checks=False)
    orders = ordered and len(distance) <= MOST_ORDERED
    return np.asarray(linkage(pairs, "average", optimal_ordering=orders))


def cut(tree: Tree, count: int) -> Tensor:
    """Cut ``tree`` into at most ``count`` groups and give the group of every task ``[task]``.

    Groups are numbered in the order of the tree's leaves.
    """
    labels = fcluster(tree, count, "maxclust")
    order = dict.fromkeys(int(labels[leaf]) for leaf in leaves_list(tree))
    number = {label: place for place, label in enumerate(order)}
    return torch.tensor([number[int(label)] for label in labels])


def num_groups(seen: Tensor, shrunk: Shrunk, most: int = 12) -> int:
    """Count the groups that the rows can tell apart.

    Groups found in one half have to explain the other half. In one half, the tree of its
    similarities is cut into ``k`` groups, and the mean similarity of each pair of groups is
    estimated. These means predict every similarity of the other half, which comes from other rows.
    Groups made of noise predict worse than one number for all pairs, so ``k = 1`` wins if the rows
    tell nothing. If the best ``k`` saves more of the squared error than its standard deviation over
    the splits, the result is the least ``k`` that saves 95 % as much.

    Args:
        seen: The cosines of :func:`~quickstudy.relatedness.shrink.cosines`,
            ``[split, half of s, half of t, task, task]``.
        shrunk: The result of :func:`~quickstudy.relatedness.shrink.shrink` on them.
        most: The most groups to try.

    Returns:
        1 to ``most``.
    """
    tried = range(2, min(most, seen.shape[-1] - 1) + 1)
    if not shrunk.variance or not len(tried):
        return 1
    gains = _gains(seen, shrunk, tried)
    mean = gains.mean((1, 2))
    best = int(mean.argmax())
    if float(mean[best]) <= _spread(gains[best]):
        return 1
    enough = ENOUGH * float(mean[best])
    return next(k for k, gain in zip(tried, mean.tolist(), strict=True) if gain >= enough)


def _spread(gains: Tensor) -> float:
    """Compute the standard deviation over splits of ``gains`` ``[split, half]``; 0 for one."""
    return float(gains.mean(1).std()) if len(gains) > 1 else 0.0


def _gains(seen: Tensor, shrunk: Shrunk, tried: Sequence[int]) -> Tensor:
    """Compute the part of the error that each number of groups saves ``[k, split, half]``."""
    lowered = shrunk.lowered
    gains = torch.zeros(len(tried), len(seen), 2, dtype=torch.float64)
    for split, half in product(range(len(seen)), (0, 1)):
        own, other = seen[split, half, half], seen[split, 1 - half, 1 - half]
        tree = tree_of(_from_half(own, shrunk))
        for place, k in enumerate(tried):
            gains[place, split, half] = _explained(own, other, lowered, cut(tree, k))
    return gains


def _from_half(seen: Tensor, shrunk: Shrunk) -> Tensor:
    """Estimate the similarities from the cosines of only one half."""
    lowered, variance = shrunk.lowered, shrunk.variance
    gain = lowered * variance / (lowered.square() * variance + 2 * shrunk.noise).clamp(min=TINY)
    return (shrunk.mean + gain * (seen - lowered * shrunk.mean)).clamp(-1, 1)


def _explained(own: Tensor, other: Tensor, lowered: Tensor, groups: Tensor) -> float:
    """Compute the part of the squared error in ``other`` that groups save.

    A number for each pair of groups is compared with one number for all pairs, both estimated in
    ``own``.
    """
    pairs = off_diagonal(len(groups)).to(own.dtype)
    member = torch.nn.functional.one_hot(groups).to(own.dtype)
    sums, weights = pairs * lowered * own, pairs * lowered.square()
    one = sums.sum() / weights.sum().clamp(min=TINY)
    of_blocks = _blocks(sums, member) / _blocks(weights, member).clamp(min=TINY)
    error = partial(_error, pairs, other, lowered)
    before, after = error(one), error(member @ of_blocks @ member.T)
    return float(1 - after / before.clamp(min=TINY))


def _blocks(values: Tensor, member: Tensor) -> Tensor:
    """Sum ``values`` ``[task, task]`` over each pair of groups ``[group, group]``."""
    return member.T @ values @ member


def _error(pairs: Tensor, seen: Tensor, lowered: Tensor, predicted: Tensor) -> Tensor:
    return (pairs * (seen - lowered * predicted).square()).sum()


__all__ = ["Tree", "cut", "num_groups", "tree_of"]
