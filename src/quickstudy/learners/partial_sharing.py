"""Partial sharing: each task has a named part of the network for itself."""

from collections.abc import Sequence

from torch import nn

from quickstudy.bilevel.optimisers import InnerOptimiserName
from quickstudy.learners.gradient import StatisticsPolicy
from quickstudy.learners.mapping import MappingMode
from quickstudy.learners.parts import Named, Offsets
from quickstudy.learners.sharing import SharingLearner


class PartialSharing(SharingLearner):
    """Learn many tasks at once with a named part of the network for each task, the rest shared.

    The part of training task ``t`` is ``w + d_t``, with ``w`` the values of the model and ``θ`` the
    shared weights. The loss of a task is ``L_query(w + d_t, θ) + penalty/2 · ‖d_t‖²``: nothing
    adapts in training. :meth:`known` serves a training task, with its learned part. :meth:`adapt`
    serves a new one: ``test_steps`` steps on the support set change only the part, from ``w``, held
    to ``w`` by ``proximal``. Examples of all tasks are one batch to the shared layers.

    The model decides the part. A :class:`~quickstudy.models.MixtureOfExperts` (MMoE) has a gate and
    a head for each task, :class:`~quickstudy.models.LayeredExperts` (PLE) some experts too, and
    :class:`~quickstudy.models.CrossStitch` the weights by which a task reads the columns. Any
    layers of any network can be given by name.

    Args:
        model: A network with as many outputs as a task has at most.
        num_tasks: Training tasks; their identities are 0 to ``num_tasks − 1``.
        own: Names of layers or parameters that each task has for itself; by default the names that
            the model gives as its ``own``.
        penalty: How strongly the tasks' parts are held together.
        inner_lr: Learning rate of adapting.
        test_steps: Steps of adapting.
        inner_optimiser: ``"sgd"``, ``"momentum"`` or ``"adam"``.
        proximal: ``λ`` of a term ``λ/2 ‖w_t − w‖²`` that adapting adds to the support loss.
        statistics: The statistics that batch norms use.
        mapping: How tasks are computed together.

    Raises:
        UserError: If a number is out of range, a name is not one of the model's, none is given or
            known, or a task is not one of the training tasks.

    Source: Ma et al. 2018, eq. 6–8; Tang et al. 2020, section 4; Misra et al. 2016, eq. 1; see the
        models. Differs from them: the parts of all tasks start alike, from a learned part from
        which new tasks start too. Theirs are drawn separately and do not serve a new task.

    Example:
        >>> import quickstudy as qs
        >>> model = qs.models.MixtureOfExperts(qs.models.MLP(1, None), outputs=1, num_experts=3)
        >>> learner = qs.PartialSharing(model, num_tasks=4)
        >>> tasks = qs.tasks.Sinusoid().episodes(shot=5, query=5).sample(4, qs.Moment(0, "train"))
        >>> learner.losses(tasks).shape
        torch.Size([4])
        >>> sorted(learner.adapt(tasks.support, steps=5))
        ['gate.linear.bias', 'gate.linear.weight', 'head.bias', 'head.weight']
    """

    def __init__(
        self,
        model: nn.Module,
        num_tasks: int,
        own: Sequence[str] | None = None,
        penalty: float = 0.0,
        inner_lr: float = 1e-2,
        test_steps: int = 100,
        inner_optimiser: InnerOptimiserName = "adam",
        proximal: float = 0.0,
        statistics: StatisticsPolicy = "support",
        mapping: MappingMode = "auto",
    ) -> None:
        part = Offsets(Named(own), num_tasks, penalty)
        super().__init__(
            model, part, inner_lr, test_steps, inner_optimiser, proximal, statistics, mapping
        )
        self.own = own


__all__ = ["PartialSharing"]
