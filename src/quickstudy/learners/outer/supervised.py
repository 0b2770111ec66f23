"""The supervised loss of the network as it is, before any inner step."""

from typing import TYPE_CHECKING

from torch import Tensor, nn

from quickstudy.bilevel import State
from quickstudy.episode import Episode
from quickstudy.learners.outer.outer import Outer
from quickstudy.targets import mean_over_examples

if TYPE_CHECKING:
    from quickstudy.learners.gradient import GradientLearner


class Supervised(Outer):
    """The loss of the queries of all tasks as one batch: ordinary pre-training.

    Args:
        embedding_size: Length of the embeddings that a head is put on.
        classes: Classes of pre-training; None for a network without a head of its own.
    """

    moves_averages = True

    def __init__(self, embedding_size: int = 0, classes: int | None = None) -> None:
        super().__init__()
        self.head = None if classes is None else nn.Linear(embedding_size, classes)
        for parameter in () if self.head is None else self.head.parameters():
            nn.init.zeros_(parameter)

    def losses(self, learner: "GradientLearner", meta: State, episodes: Episode) -> Tensor:
        """The supervised loss of every task's queries ``[task]``."""
        query = episodes.query
        # padding may not enter the statistics of a batch norm
        real = query.mask.flatten().nonzero().squeeze(1)
        output = learner.model(query.x.flatten(0, 1)[real])
        scores = output if self.head is None else self.head(output)
        of_real = query.target.example_losses(scores, query.y.flatten(0, 1)[real])
        per_example = of_real.new_zeros(query.mask.numel()).index_copy(0, real, of_real)
        return mean_over_examples(per_example.unflatten(0, query.mask.shape), query.mask)

    def uncompiled(self) -> str | None:
        """Padding is left out."""
        return "Supervised pre-training is not compiled."


__all__ = ["Supervised"]
