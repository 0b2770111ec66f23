"""A network that predicts several targets of different kinds."""

from collections.abc import Sequence

from torch import Tensor, nn

from quickstudy.errors import require
from quickstudy.models.initialise import initialise
from quickstudy.random import generator
from quickstudy.targets import Several


class MultiTarget(nn.Module):
    """A trunk that all targets share, and a linear layer with the scores of each: one for a number,
    one a class for classes.

    Its tasks ask for :class:`~quickstudy.targets.Several`: their loss is the mean over the targets
    of squared error or cross-entropy, over the labels that are there.

    Args:
        trunk: Any module that gives embeddings ``[example, feature]``.
        targets: The classes of each target; 0 for a number.
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

    def __init__(
        self,
        trunk: nn.Module,
        targets: Sequence[int],
        embedding_size: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        size = getattr(trunk, "embedding_size", None) if embedding_size is None else embedding_size
        require(
            size is not None,
            "Parameter `embedding_size` is needed: this trunk does not say its own.",
        )
        self.target = Several(tuple(targets))
        self.targets, self.outputs = self.target.targets, self.target.scores
        self.trunk, self.embedding_size, self.seed = trunk, size, seed
        self.head = nn.Linear(int(size or 0), self.outputs)
        initialise(self.head, generator(seed, "model"))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[example, *feature]`` to the scores of all targets ``[example, score]``."""
        return self.head(self.trunk(x))

    def answers(self, scores: Tensor) -> list[Tensor]:
        """For every target its numbers ``[...]``, or the probabilities of its classes ``[..., class]``, of ``scores`` ``[..., score]``."""
        parts = zip(self.target.each, self.target.split(scores), strict=True)
        return [own.answers(part) for own, part in parts]


__all__ = ["MultiTarget"]
