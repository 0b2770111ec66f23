"""Soft parameter sharing: a network for each task, held together."""

from torch import nn

from quickstudy.bilevel.optimisers import InnerOptimiserName
from quickstudy.learners.gradient import StatisticsPolicy
from quickstudy.learners.mapping import MappingMode
from quickstudy.learners.parts import All, Offsets, Relation
from quickstudy.learners.sharing import SharingLearner


class SoftSharing(SharingLearner):
    """Learn many tasks at once with weights for each task, held together by a penalty.

    Task ``t`` has ``w_t = w + d_t``. The losses of all tasks sum to
    ``Σ_t L_query(w_t) + penalty · Ω``, with

    - ``relation="mean"``: ``Ω = ½ Σ_t ‖d_t‖²``. It is least if ``w`` is the mean of the ``w_t``:
      then it is their squared distance to their mean;
    - ``relation="trace"``: ``Ω = Σ ‖W‖_*`` over the parameters of the network, each stacked over
      the tasks as ``W`` ``[task, entry]``: few singular values, so that tasks' weights are
      combinations of few patterns.

    Each task carries its share of ``Ω``, see
    :func:`~quickstudy.learners.trace_norm.trace_norm_by_row`. A task without queries, or one that
    is not in the step, carries none, and its weights have gradient 0. Nothing adapts in training.
    :meth:`known` serves a training task. :meth:`adapt` serves a new one: ``test_steps`` steps of
    all weights from ``w``, held to ``w`` by ``proximal``.

    Args:
        model: A network with as many outputs as a task has at most.
        num_tasks: Training tasks; their identities are 0 to ``num_tasks − 1``.
        penalty: How strongly the networks are held together: 0 learns them independently except for
            a common start, infinity learns one network for all tasks.
        relation: The penalty that holds the networks together, ``"mean"`` or ``"trace"``.
        inner_lr: Learning rate of adapting.
        test_steps: Steps of adapting.
        inner_optimiser: ``"sgd"``, ``"momentum"`` or ``"adam"``.
        proximal: ``λ`` of a term ``λ/2 ‖w_t − w‖²`` that adapting adds to the support loss;
            training tasks have ``penalty`` instead.
        statistics: The statistics that batch norms use.
        mapping: How tasks are computed together.

    Raises:
        UserError: If a number is out of range, ``relation`` is unknown, or a task is not one of the
            training tasks.

    Source: Evgeniou & Pontil 2004, eq. 5, and Duong et al. 2015 for distances; Yang & Hospedales
        2017, section 2, for the trace norm, there called last axis flattening. Differs from them:
        ``w`` is learned, not set to the mean. As there, the trace norm is descended by its
        subgradient, so singular values come as near to 0 as the learning rate allows, not to 0.

    Example:
        >>> import quickstudy as qs
        >>> learner = qs.SoftSharing(qs.models.MLP(1, 1), num_tasks=4, penalty=0.1)
        >>> tasks = qs.tasks.Sinusoid().episodes(shot=5, query=5).sample(4, qs.Moment(0, "train"))
        >>> learner.losses(tasks).shape
        torch.Size([4])
    """

    def __init__(
        self,
        model: nn.Module,
        num_tasks: int,
        penalty: float = 0.01,
        relation: Relation = "mean",
        inner_lr: float = 1e-2,
        test_steps: int = 100,
        inner_optimiser: InnerOptimiserName = "adam",
        proximal: float = 0.0,
        statistics: StatisticsPolicy = "support",
        mapping: MappingMode = "auto",
    ) -> None:
        part = Offsets(All(), num_tasks, penalty, relation)
        super().__init__(
            model, part, inner_lr, test_steps, inner_optimiser, proximal, statistics, mapping
        )
        self.relation: Relation = relation


__all__ = ["SoftSharing"]
