"""The abstract parent of multi-task learners: each task has a part of the network for itself."""

import torch
from torch import Tensor, nn

from quickstudy.bilevel.optimisers import InnerOptimiserName
from quickstudy.episode import Batch
from quickstudy.learners.adapted import joined
from quickstudy.learners.gradient import GradientLearner, StatisticsPolicy
from quickstudy.learners.learner import Adapted
from quickstudy.learners.mapping import MappingMode
from quickstudy.learners.outer import QueryLoss
from quickstudy.learners.parts import Offsets
from quickstudy.learners.steps import Descent
from quickstudy.models.functional import evaluating


class SharingLearner(GradientLearner):
    """Share some parameters among all tasks, and learn the others for each task.

    Training task ``t`` has ``w_t = w + d_t``, with learned offsets ``d_t``
    (:class:`~quickstudy.learners.parts.Offsets`). The loss of a task is its query loss at ``w_t``
    plus a penalty on its offset: nothing adapts in training. :meth:`known` serves a training task.
    :meth:`adapt` serves a new one: ``test_steps`` inner steps from ``w`` change only the task's
    part.

    Args:
        model: A network, see :class:`~quickstudy.learners.gradient.GradientLearner`, also for the
            last three arguments.
        part: The part that each task has for itself.
        inner_lr: Learning rate of adapting.
        test_steps: Steps of adapting.
        inner_optimiser: ``"sgd"``, ``"momentum"`` or ``"adam"``.
        proximal: ``λ`` of the term ``λ/2 ‖w_t − w‖²`` that adapting adds to the support loss.
        statistics: The statistics that batch norms use.
        mapping: How tasks are computed together.
    """

    fixed_tasks = True

    def __init__(
        self,
        model: nn.Module,
        part: Offsets,
        inner_lr: float,
        test_steps: int,
        inner_optimiser: InnerOptimiserName,
        proximal: float,
        statistics: StatisticsPolicy,
        mapping: MappingMode,
    ) -> None:
        step, gradient = Descent(inner_lr, inner_optimiser), QueryLoss()
        super().__init__(model, part, step, gradient, 0, test_steps, statistics, mapping, proximal)
        self.num_tasks, self.penalty = part.num_tasks, part.weight
        self.inner_lr, self.inner_optimiser = inner_lr, inner_optimiser

    def known(self, support: Batch, task: Tensor) -> Adapted:
        """Return training tasks as they were learned, to predict with.

        Args:
            support: Rows of each task, from which batch norms take their statistics.
            task: The identities of the tasks ``[task]``.

        Raises:
            UserError: If one of them is no training task.
        """
        with evaluating(self), torch.no_grad():
            return joined([run.adapted() for run in self.runs(support, task)])


__all__ = ["SharingLearner"]
