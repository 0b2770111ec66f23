"""Finetune: ordinary supervised pre-training, then gradient steps on the support set."""

from torch import nn

from quickstudy.bilevel.optimisers import InnerOptimiserName
from quickstudy.learners.gradient import GradientLearner, StatisticsPolicy
from quickstudy.learners.learner import ModelOutput
from quickstudy.learners.mapping import MappingMode
from quickstudy.learners.outer import Supervised
from quickstudy.learners.parts import All, NewHead
from quickstudy.learners.steps import Descent
from quickstudy.models.trunk import embedding_size_of
from quickstudy.targets import Target


class Finetune(GradientLearner):
    """Pre-train on all training classes at once, then fine-tune on a new task's support set.

    The loss of a task is the supervised loss of the un-adapted network on its queries. Adapting
    takes ``test_steps`` steps on the support loss from the pre-trained weights; in classification
    with a new linear head of the task's way that starts at zero, so any way is served.

    Args:
        model: In classification a network that gives embeddings ``[example, feature]``
            (``Conv4(way=None)``); in regression the whole network.
        pretraining_classes: Classes of the pre-training task (``pool.supervised(...)``); None for
            regression.
        inner_lr: Learning rate of fine-tuning.
        test_steps: Steps of fine-tuning.
        inner_optimiser: ``"sgd"``, ``"momentum"`` or ``"adam"``.
        statistics: With ``"frozen"``, pre-training uses ordinary batch norm, and adapting keeps its
            running averages. With the other policies, pre-training normalises by the statistics of
            the whole step, and adapting as in :mod:`quickstudy.models.norm`.
        embedding_size: Length of the embeddings; by default the model's ``embedding_size``.
        mapping: How tasks are computed together.

    Raises:
        UserError: If the length of the embeddings is not known.

    Source: the fine-tuning baseline of Vinyals et al. 2016, section 4; "Baseline" of Chen et al.
        2019, section 3.1, which tunes only the head.
    """

    model_gives = "embeddings"

    def __init__(
        self,
        model: nn.Module,
        pretraining_classes: int | None = None,
        inner_lr: float = 1e-2,
        test_steps: int = 20,
        inner_optimiser: InnerOptimiserName = "adam",
        statistics: StatisticsPolicy = "frozen",
        embedding_size: int | None = None,
        mapping: MappingMode = "auto",
    ) -> None:
        classes = pretraining_classes
        size = 0 if classes is None else embedding_size_of(model, embedding_size)
        part = All() if classes is None else NewHead(size)
        step, gradient = Descent(inner_lr, inner_optimiser), Supervised(size, classes)
        super().__init__(model, part, step, gradient, 0, test_steps, statistics, mapping)
        self.inner_lr, self.inner_optimiser = inner_lr, inner_optimiser
        self.pretraining_classes = pretraining_classes
        self.embedding_size = embedding_size or size or None

    @classmethod
    def model_for(cls, target: Target) -> ModelOutput:
        """Return embeddings for classes, scores for anything else."""
        return "embeddings" if target.way else "scores"

    def model_output(self) -> ModelOutput:
        """Return scores if there is no pre-training head, else embeddings."""
        return "scores" if self.pretraining_classes is None else "embeddings"


__all__ = ["Finetune"]
