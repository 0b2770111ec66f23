"""A network that predicts several targets of different kinds."""

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from quickstudy.models.initialise import initialise
from quickstudy.models.protocol import Gives
from quickstudy.models.trunk import embedding_size_of
from quickstudy.random import generator
from quickstudy.targets import Several


class MultiTarget(nn.Module):
    """Share a trunk between all targets; a linear layer gives the scores of each.

    A number takes one score, ``n`` classes take ``n``. Its tasks ask for
    :class:`~quickstudy.targets.Several`. Their loss is the mean over the targets of squared error
    or cross-entropy, over the labels that are not missing.

    Args:
        trunk: Any module that gives embeddings ``[example, feature]``.
        targets: The number of classes of each target; 0 for a number.
        embedding_size: Length of the embeddings; by default the trunk's ``embedding_size``.
        seed: Seed of the linear layer's initial weights.

    Raises:
        UserError: If there are no targets, one has a single class, or the length of the embeddings
            is not known.

    Example:
        >>> import quickstudy as qs, torch
        >>> model = qs.models.MultiTarget(qs.models.MLP(4, None, hidden=(8,)), targets=(0, 2, 3))
        >>> [tuple(part.shape) for part in model.answers(model(torch.zeros(5, 4)))]
        [(5,), (5, 2), (5, 3)]
    """

    can_give: ClassVar[tuple[Gives, ...]] = ("scores",)
    gives: ClassVar[Gives] = "scores"

    def __init__(
        self,
        trunk: nn.Module,
        targets: Sequence[int],
        embedding_size: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.embedding_size = embedding_size_of(trunk, embedding_size)
        self.target = Several(tuple(targets))
        self.targets, self.outputs = self.target.targets, self.target.scores
        self.trunk, self.seed = trunk, seed
        self.head = nn.Linear(self.embedding_size, self.outputs)
        initialise(self.head, generator(seed, "model"))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[example, *feature]`` to the scores of all targets ``[example, score]``."""
        return self.head(self.trunk(x))

    def answers(self, scores: Tensor) -> list[Tensor]:
        """Give the answer to every target from ``scores`` ``[..., score]``.

        Returns:
            Numbers ``[...]``, or probabilities of the classes ``[..., class]``.
        """
        parts = zip(self.target.each, self.target.split(scores), strict=True)
        return [own.answers(part) for own, part in parts]


__all__ = ["MultiTarget"]
