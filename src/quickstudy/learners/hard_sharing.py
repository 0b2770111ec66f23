"""Hard parameter sharing: one body for all tasks, a head for each."""

from torch import nn

from quickstudy.bilevel.optimisers import InnerOptimiserName
from quickstudy.learners.gradient import StatisticsPolicy
from quickstudy.learners.mapping import MappingMode
from quickstudy.learners.parts import Head, Offsets
from quickstudy.learners.sharing import SharingLearner


class HardSharing(SharingLearner):
    """Learn many tasks at once with a shared body of the network and a head for each task.

    The head of training task ``t`` is ``h + d_t``, with ``h`` the head of the model. With the body
    ``f``, the loss of a task is ``L_query((h + d_t) ∘ f) + penalty/2 · ‖d_t‖²``: nothing adapts in
    training. :meth:`known` serves a training task, with its learned head. :meth:`adapt` serves a
    new one: it refits a head from ``h`` on the support set by ``test_steps`` steps, held to ``h``
    by ``proximal``.

    Args:
        model: A network that ends in a linear layer, with as many outputs as a task has at most.
        num_tasks: Training tasks; their identities are 0 to ``num_tasks − 1``.
        penalty: How strongly the heads are held together.
        inner_lr: Learning rate of refitting.
        test_steps: Steps of refitting.
        inner_optimiser: ``"sgd"``, ``"momentum"`` or ``"adam"``.
        proximal: ``λ`` of a term ``λ/2 ‖w − h‖²`` that refitting adds to the support loss.
        statistics: The statistics that batch norms use.
        mapping: How tasks are computed together.

    Raises:
        UserError: If a number is out of range, the model does not end in a linear layer, or a task
            is not one of the training tasks.

    Source: Caruana 1997, section 2; Evgeniou & Pontil 2004, eq. 5, for the penalty; Wang, Zhao & Li
        2021, section 3, for refitting. Differs from them: the shared part of the heads is learned,
        not set to their mean.

    Example:
        >>> import quickstudy as qs
        >>> learner = qs.HardSharing(qs.models.MLP(1, 1), num_tasks=4)
        >>> tasks = qs.tasks.Sinusoid().episodes(shot=5, query=5).sample(4, qs.Moment(0, "train"))
        >>> learner.losses(tasks).shape
        torch.Size([4])
    """

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
        part = Offsets(Head(), num_tasks, penalty)
        super().__init__(
            model, part, inner_lr, test_steps, inner_optimiser, proximal, statistics, mapping
        )


__all__ = ["HardSharing"]
