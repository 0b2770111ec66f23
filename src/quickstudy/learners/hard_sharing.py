"""Hard parameter sharing: one body for all tasks, a head for each."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from quickstudy.bilevel.optimisers import InnerOptimiserName, Weights
from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.learners.anil import ANIL
from quickstudy.learners.gradient import StatisticsPolicy
from quickstudy.learners.learner import Adapted, evaluating
from quickstudy.learners.mapping import MappingMode


class HardSharing(ANIL):
    """Multi-task learning: the body of the network is shared, its last linear layer is the task's own.

    The head of training task ``t`` is ``h + d_t``, with ``h`` the head of the model, and the loss of a task is that of its
    queries, ``L_query((h + d_t) ∘ f) + penalty/2 · ‖d_t‖²``: nothing adapts in training. A training task is served by
    :meth:`known`, with the head it has. A new one by :meth:`adapt`, which refits a head from ``h`` on its support set by
    ``test_steps`` steps, held to it by ``proximal``.

    Args:
        model: A network that ends in a linear layer, its outputs the most that a task has.
        num_tasks: Training tasks; their identities are 0 to ``num_tasks − 1``.
        penalty: How strongly the heads are held together.
        inner_lr: Learning rate of refitting.
        test_steps: Steps of refitting.
        inner_optimiser: ``"sgd"``, ``"momentum"`` or ``"adam"``.
        proximal: ``λ`` of a term ``λ/2 ‖w − h‖²`` that refitting adds to the support loss.
        statistics: Whose mean and variance batch norms use.
        mapping: How tasks are computed together.

    Raises:
        UserError: If a number is out of range, the model does not end in a linear layer, or a task is not one of the training tasks.

    Source: Caruana 1997, section 2; heads held together as in Evgeniou & Pontil 2004, eq. 5; refitting as in Wang, Zhao & Li 2021,
    section 3. Differs from them: the shared part of the heads is learned rather than set to their mean.

    Example:
        >>> import quickstudy as qs
        >>> learner = qs.HardSharing(qs.models.MLP(1, 1), num_tasks=4)
        >>> tasks = qs.tasks.Sinusoid().episodes(shot=5, query=5).sample(4, qs.generator(0, "train"))
        >>> learner.losses(tasks).shape
        torch.Size([4])
    """

    fixed_tasks = True

    def __init__(
        self,
        model: nn.Module,
        num_tasks: int,
        penalty: float = 0.0,
        inner_lr: float = 1e-2,
        test_steps: int = 100,
        inner_optimiser: InnerOptimiserName = "adam",
        proximal: float = 0.0,
        statistics: StatisticsPolicy = "support",
        mapping: MappingMode = "auto",
    ) -> None:
        super().__init__(model, inner_lr, 0, test_steps, inner_optimiser, statistics=statistics, mapping=mapping, proximal=proximal)
        require(num_tasks >= 1, f"Parameter `num_tasks` should be at least 1. Found num_tasks={num_tasks}.")
        require(penalty >= 0, f"Parameter `penalty` should be at least 0. Found penalty={penalty}.")
        self.num_tasks, self.penalty = num_tasks, penalty
        own = dict(self.model.named_parameters())
        self.offsets = nn.ParameterList(nn.Parameter(torch.empty(num_tasks, *own[name].shape)) for name in self._head)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """All heads as the model's."""
        for offset in self.offsets:
            nn.init.zeros_(offset)

    def losses(self, episodes: Episode) -> Float[Tensor, " task"]:
        """The loss of every task's queries ``[task]``, with the task's own head."""
        loop, tensors = self.problem(self.meta(), episodes.support, episodes.query)
        offsets = self._offsets(episodes.task)
        apart = torch.stack([offset.square().flatten(1).sum(1) for offset in offsets]).sum(0)
        losses = loop.losses(loop.start(tensors) | self._heads(offsets), tensors)
        return losses + 0.5 * self.penalty * apart * (episodes.query.mask > 0).any(1)

    def known(self, support: Batch, task: Tensor) -> Adapted:
        """The training tasks ``task`` ``[task]`` with the heads they have, for :meth:`predict`.

        ``support`` holds rows of each, from which batch norms take their statistics.
        """
        with evaluating(self), torch.no_grad():
            loop, tensors = self.problem(self.meta(), support)
            return loop.adapted(loop.start(tensors) | self._heads(self._offsets(task)))

    def _offsets(self, task: Tensor) -> list[Tensor]:
        """What every task's head differs by, ``[task, ...]`` each."""
        low, high = int(task.min()), int(task.max())
        require(
            low >= 0 and high < self.num_tasks,
            f"HardSharing knows tasks 0 to {self.num_tasks - 1}. Found {low} to {high}: a new task is served by adapt.",
        )
        return [offset[task] for offset in self.offsets]

    def _heads(self, offsets: list[Tensor]) -> Weights:
        own = dict(self.model.named_parameters())
        return {name: own[name] + offset for name, offset in zip(self._head, offsets, strict=True)}


__all__ = ["HardSharing"]
