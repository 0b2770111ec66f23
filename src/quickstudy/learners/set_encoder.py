"""An encoder of a support set into the embedding of its task."""

import torch
from torch import Tensor, nn


class SetEncoder(nn.Module):
    """Embed a set of any number of examples, in any order.

    ``z = mean over groups g of ρ( Σ_{i in g} φ(f_i, y_i) / (1 + |g|) )``

    with ``φ`` and ``ρ`` networks of two layers, ``f_i`` the features of an example and ``y_i`` its
    targets. The sum is divided by one more than the number of examples, so that ``z`` depends on
    this number too. Groups are the classes of a task, and ``y`` is then left out; or there is one
    group of all examples. Without examples ``z = 0``.

    Args:
        features: Length of the features of an example.
        targets: Number of targets.
        embedding_size: Length of ``z``.
        hidden: Width of ``φ`` and ``ρ``.

    Source: Zaheer et al. 2017 (Deep Sets), theorem 2.
    """

    def __init__(self, features: int, targets: int, embedding_size: int, hidden: int) -> None:
        super().__init__()
        self.of_features = nn.Linear(features, hidden)
        self.of_targets = nn.Linear(targets, hidden, bias=False)
        self.example = nn.Sequential(nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
        self.group = two_layers(hidden, hidden, embedding_size)

    def forward(self, features: Tensor, targets: Tensor | None, groups: Tensor) -> Tensor:
        """Return the embeddings ``[task, embedding]``.

        Args:
            features: ``[task, example, feature]``.
            targets: ``[task, example, target]``, or None if groups are classes.
            groups: ``[task, example, group]``, 1 if a real example is of the group.
        """
        count = groups.sum(1).unsqueeze(-1)
        sums = torch.einsum("teg,teh->tgh", groups, self._inside(features, targets))
        embedded = self.group(sums / (1 + count))
        return _mean_of_present(embedded, (count > 0).to(embedded.dtype))

    def _inside(self, features: Tensor, targets: Tensor | None) -> Tensor:
        """Return ``φ`` of every example ``[task, example, hidden]``."""
        before = self.of_features(features)
        inside: Tensor = self.example(
            before if targets is None else before + self.of_targets(targets)
        )
        return inside


def _mean_of_present(embedded: Tensor, present: Tensor) -> Tensor:
    """Return the mean over the groups that are ``present`` ``[task, group, 1]``."""
    return (present * embedded).sum(1) / present.sum(1).clamp(min=1)


def two_layers(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Make a linear layer, a ReLU and another linear layer."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))


__all__ = ["SetEncoder", "two_layers"]
