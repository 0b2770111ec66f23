"""A network that does not learn."""

from typing import ClassVar

from torch import Tensor, nn

from quickstudy.models.protocol import Gives, traits


class Frozen(nn.Module):
    """Hold a network as it is: nothing in it learns, adapts, drops out or keeps statistics.

    Its parameters have ``requires_grad=False``, and it is always in evaluation mode, so that its
    batch norms use the running averages that they came with, under every learner.

    Args:
        trunk: Any module.

    Example:
        >>> import torch, quickstudy as qs
        >>> trunk = qs.models.Frozen(qs.models.Conv4())
        >>> model = qs.models.WithHead(trunk, outputs=5).train()
        >>> trunk.training, sum(p.numel() for p in model.parameters() if p.requires_grad)
        (False, 325)
    """

    can_give: ClassVar[tuple[Gives, ...]] = ("embeddings", "maps")

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        said = traits(trunk)
        self.trunk = trunk.requires_grad_(False)
        self.gives, self.outputs = said.gives, said.outputs
        self.embedding_size, self.feature_channels = said.embedding_size, said.feature_channels
        self.eval()

    def train(self, mode: bool = True) -> "Frozen":
        """Stay in evaluation mode."""
        return super().train(False)

    def forward(self, x: Tensor) -> Tensor:
        """Give the output of the network."""
        return self.trunk(x)


__all__ = ["Frozen"]
