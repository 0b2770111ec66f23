"""Finetune: ordinary supervised pre-training, then gradient steps on the support set."""

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from quickstudy.bilevel import State
from quickstudy.bilevel.optimisers import InnerOptimiserName, Weights
from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.learners.gradient import GradientLearner, StatisticsPolicy
from quickstudy.learners.learner import ModelOutput
from quickstudy.learners.mapping import MappingMode
from quickstudy.models.norm import Statistics, forward
from quickstudy.targets import Target, mean_over_examples

HEAD = ("new_head.weight", "new_head.bias")


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
        statistics: ``"frozen"`` pre-trains with ordinary batch norm and keeps its running averages
            when adapting; the other policies as in :mod:`quickstudy.models.norm` when adapting,
            while pre-training normalises by the statistics of the whole step.
        embedding_size: Length of the embeddings; by default the model's ``embedding_size``.
        mapping: How tasks are computed together.

    Raises:
        UserError: If the length of the embeddings is not known.

    Source: the fine-tuning baseline of Vinyals et al. 2016, section 4; "Baseline" of Chen et al.
        2019,
    section 3.1, who tune the head alone.
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
        super().__init__(model, inner_lr, 0, test_steps, inner_optimiser, statistics, mapping)
        self.pretraining_classes = pretraining_classes
        self.embedding_size = (
            embedding_size if embedding_size is not None else getattr(model, "embedding_size", None)
        )
        self.head: nn.Linear | None = None
        if pretraining_classes is not None:
            require(
                self.embedding_size is not None,
                "Parameter `embedding_size` is needed: this model does not say its own.",
            )
            self.head = nn.Linear(cast(int, self.embedding_size), pretraining_classes)
            nn.init.zeros_(self.head.weight)
            nn.init.zeros_(self.head.bias)

    @property
    def any_way(self) -> bool:
        """Whether tasks of any way are served: with a head of the task's own."""
        return self.head is not None

    def train(self, mode: bool = True) -> "Finetune":
        """Set training mode, batch norms included: pre-training moves their running averages."""
        nn.Module.train(self, mode)
        return self

    @classmethod
    def model_for(cls, target: Target) -> ModelOutput:
        """Embeddings for classes, scores for anything else."""
        return "embeddings" if target.way else "scores"

    def model_output(self) -> ModelOutput:
        """Scores without a head of its own, else embeddings."""
        return "scores" if self.head is None else self.model_gives

    def serves(self, target: Target) -> str | None:
        """Classes only with a head of the task's own."""
        if self.head is not None and not target.way:
            return "It was pre-trained on classes: every example should have one class."
        return super().serves(target)

    def losses(self, episodes: Episode) -> Float[Tensor, " task"]:
        """The supervised loss of every task's queries ``[task]``."""
        query = episodes.query
        # padding may not enter the statistics of a batch norm
        real = query.mask.flatten().nonzero().squeeze(1)
        output = self.model(query.x.flatten(0, 1)[real])
        of_real = query.target.example_losses(
            output if self.head is None else self.head(output), query.y.flatten(0, 1)[real]
        )
        per_example = of_real.new_zeros(query.mask.numel()).index_copy(0, real, of_real)
        return mean_over_examples(per_example.unflatten(0, query.mask.shape), query.mask)

    def initial(self, meta: State, support: Batch, way: int | None) -> Weights:
        """The pre-trained weights of every task, with a zero head of ``way`` outputs in classification."""
        weights = super().initial(meta, support, way)
        if self.head is None:
            return weights
        shape = (
            support.num_tasks,
            way or support.target.way or 0,
            cast(int, self.embedding_size),
        )
        dtype = support.x.dtype if support.x.is_floating_point() else self.head.weight.dtype
        zeros = torch.zeros(shape, dtype=dtype, device=support.x.device)
        return {**weights, HEAD[0]: zeros, HEAD[1]: zeros[..., 0]}

    def apply_model(
        self,
        weights: Weights,
        x: Tensor,
        mask: Tensor | None,
        statistics: Statistics | None,
        record: bool,
    ) -> tuple[Tensor, Statistics]:
        """The network of one task, with the task's own head in classification."""
        body = {name: weight for name, weight in weights.items() if name not in HEAD}
        output, used = forward(self.model, body, x, mask, statistics, record)
        return (
            output if self.head is None else output @ weights[HEAD[0]].T + weights[HEAD[1]]
        ), used
