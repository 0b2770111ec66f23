"""The supervised loss of the network as it is, before any inner step."""

from typing import TYPE_CHECKING

from torch import Tensor, nn

from quickstudy.bilevel import State
from quickstudy.episode import Batch, Episode
from quickstudy.learners.outer.outer import Outer
from quickstudy.targets import mean_over_examples

if TYPE_CHECKING:
    from quickstudy.learners.gradient import GradientLearner


class SupervisedLoss(Outer):
    """Pre-train on the queries of all tasks as one batch, without inner steps.

    It is ``quickstudy.learners.outer.Supervised``.

    Args:
        embedding_size: Length of the embeddings that the head is put on.
        classes: Classes of pre-training; None if the network needs no head.
    """

    moves_averages = True

    def __init__(self, embedding_size: int = 0, classes: int | None = None) -> None:
        super().__init__()
        self.embedding_size, self.classes = embedding_size, classes
        self.head = None if classes is None else _head_of_zeros(embedding_size, classes)

    def losses(self, learner: "GradientLearner", meta: State, episodes: Episode) -> Tensor:
        """Return the supervised loss of every task's queries ``[task]``."""
        query = episodes.query
        # padding may not enter the statistics of a batch norm
        real = query.mask.flatten().nonzero().squeeze(1)
        of_real = self._of_examples(learner.model, query, real)
        per_example = of_real.new_zeros(query.mask.numel()).index_copy(0, real, of_real)
        return mean_over_examples(per_example.unflatten(0, query.mask.shape), query.mask)

    def _of_examples(self, model: nn.Module, query: Batch, places: Tensor) -> Tensor:
        """Return the loss of the examples at ``places`` ``[example]`` among all of ``query``."""
        scores = self._scores(model, query.x.flatten(0, 1)[places])
        return query.target.example_losses(scores, query.y.flatten(0, 1)[places])

    def _scores(self, model: nn.Module, x: Tensor) -> Tensor:
        """Return the scores of examples ``[example, *feature]``, by the head if there is one."""
        output: Tensor = model(x)
        return output if self.head is None else self.head(output)

    def uncompiled(self) -> str | None:
        """Refuse: the number of examples that are no padding differs from step to step."""
        return "Supervised pre-training is not compiled."


def _head_of_zeros(features: int, classes: int) -> nn.Linear:
    """Make a linear head that gives every class the score 0."""
    head = nn.Linear(features, classes)
    for parameter in head.parameters():
        nn.init.zeros_(parameter)
    return head


__all__ = ["SupervisedLoss"]
