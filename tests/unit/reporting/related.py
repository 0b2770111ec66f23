"""Planted groups of tasks."""

import torch

from quickstudy.relatedness import Relatedness
from quickstudy.relatedness.groups import cut, tree_of


def relatedness(count: int = 12, groups: int = 3, name: str = "task {}") -> Relatedness:
    """Tasks of ``groups`` that take turns, similar within them."""
    member = torch.arange(count) % groups
    similarity = 0.8 * (member.unsqueeze(0) == member.unsqueeze(1)).float() - 0.2
    similarity = similarity + 0.01 * torch.outer(
        torch.linspace(-1, 1, count), torch.linspace(-1, 1, count)
    )
    similarity.fill_diagonal_(1)
    tree = tree_of(similarity, ordered=True)
    return Relatedness(
        "gradient",
        tuple(name.format(i) for i in range(count)),
        similarity,
        similarity,
        0.7,
        cut(tree, groups),
        tree,
    )
