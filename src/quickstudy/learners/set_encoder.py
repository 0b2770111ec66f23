"""A task embedding from a support set."""

import torch
from torch import Tensor, nn


class SetEncoder(nn.Module):
    """The embedding of a set of examples, whatever their order and number.

    ``z = mean over groups g of ρ( Σ_{i in g} φ(f_i, y_i) / (1 + |g|) )``

    with ``φ`` and ``ρ`` networks of two layers, ``f_i`` the features of an example and ``y_i`` its
    targets. The sum is divided by one more than the number of examples, so that this number is seen
    too. Groups are the classes of a task, whose ``y`` is left out, or one group of all its
    examples. Without examples ``z = 0``.

    Args:
        features: Length of the features of an example.
        targets: Number of targets.
        embedding_size: Length of ``z``.
        hidden: Width of ``φ`` and ``ρ``.

    Source: Zaheer et al. 2017 (Deep Sets), theorem 2.
    """

    def __init__(self, features: int, targets: int, embedding_size: int, hidden: int) -> None:
        super().__init__()
        self.of_features, self.of_targets = (
            nn.Linear(features, hidden),
            nn.Linear(targets, hidden, bias=False),
        )
        self.example = nn.Sequential(nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
        self.group = two_layers(hidden, hidden, embedding_size)

    def forward(self, features: Tensor, targets: Tensor | None, groups: Tensor) -> Tensor:
        """The embeddings ``[task, embedding]``.

        Args:
            features: ``[task, example, feature]``.
            targets: ``[task, example, target]``, or None where groups are classes.
            groups: ``[task, example, group]``, 1 where a real example is of the group.
        """
        before = self.of_features(features)
        inside = self.example(before if targets is None else before + self.of_targets(targets))
        count = groups.sum(1).unsqueeze(-1)
        embedded = self.group(torch.einsum("teg,teh->tgh", groups, inside) / (1 + count))
        present = (count > 0).to(embedded.dtype)
        pooled: Tensor = (present * embedded).sum(1) / present.sum(1).clamp(min=1)
        return pooled


def two_layers(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """A linear layer, ReLU, and another."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))


__all__ = ["SetEncoder", "two_layers"]
