"""The abstract parent of multi-task learners: a part of the network is the task's own."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from quickstudy.bilevel import State
from quickstudy.bilevel.optimisers import InnerOptimiserName, Weights
from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.learners.gradient import InnerLoop, StatisticsPolicy
from quickstudy.learners.learner import Adapted, evaluating
from quickstudy.learners.maml import MAML
from quickstudy.learners.mapping import MappingMode
from quickstudy.learners.part_loop import PartLoop


class SharingLearner(MAML):
    """Some parameters are shared by all tasks, the others are a task's own: ``w_t = w + d_t`` for
    training task ``t``.

    ``w`` are parameters of the model, ``d_t`` learned offsets that start at 0 (or where the model's
    ``own_offsets`` says). The loss of a task is that of its queries at ``w_t``, and ``penalty``
    times how far its own part is :meth:`apart`: nothing adapts in training. A training task is
    served by :meth:`known`; a new one by :meth:`adapt`, whose ``test_steps`` inner steps change the
    own part alone, from ``w``.

    Args:
        model: See :class:`~quickstudy.learners.gradient.GradientLearner`.
        own: The names of the parameters that are a task's own, of the model.
        num_tasks: Training tasks; their identities are 0 to ``num_tasks − 1``.
        penalty: How strongly the tasks' own parts are held together.
        inner_lr: Learning rate of adapting.
        test_steps: Steps of adapting.
        inner_optimiser: ``"sgd"``, ``"momentum"`` or ``"adam"``.
        proximal: ``λ`` of a term ``λ/2 ‖w_t − w‖²`` that adapting adds to the support loss.
        statistics: Whose mean and variance batch norms use.
        mapping: How tasks are computed together.

    Raises:
        UserError: If a number is out of range.
    """

    fixed_tasks = True

    def __init__(
        self,
        model: nn.Module,
        own: Callable[[nn.Module], tuple[str, ...]],
        num_tasks: int,
        penalty: float,
        inner_lr: float,
        test_steps: int,
        inner_optimiser: InnerOptimiserName,
        proximal: float,
        statistics: StatisticsPolicy,
        mapping: MappingMode,
    ) -> None:
        super().__init__(
            model,
            inner_lr,
            0,
            test_steps,
            inner_optimiser,
            statistics=statistics,
            mapping=mapping,
            proximal=proximal,
        )
        require(
            num_tasks >= 1,
            f"Parameter `num_tasks` should be at least 1. Found num_tasks={num_tasks}.",
        )
        require(penalty >= 0, f"Parameter `penalty` should be at least 0. Found penalty={penalty}.")
        self.num_tasks, self.penalty = num_tasks, penalty
        self._own = own(self.model)
        shapes = {name: parameter.shape for name, parameter in self.model.named_parameters()}
        self.offsets = nn.ParameterList(
            nn.Parameter(torch.empty(num_tasks, *shapes[name])) for name in self._own
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The own parts of all tasks as the model's, or where the model says that they start."""
        starts_of: Callable[[int], dict[str, Tensor]] = getattr(
            self.model, "own_offsets", lambda num_tasks: {}
        )
        starts = starts_of(self.num_tasks)
        with torch.no_grad():
            for name, offset in zip(self._own, self.offsets, strict=True):
                offset.copy_(starts.get(name, torch.zeros(())))

    def initial(self, meta: State, support: Batch, way: int | None) -> Weights:
        """The shared start of every task's own part."""
        names = [name for name in self._own if name in meta]
        require(
            bool(names),
            "The task's own part should have a parameter with requires_grad=True. Found all "
            "frozen.",
        )
        return {name: meta[name].expand(support.num_tasks, *meta[name].shape) for name in names}

    def problem(
        self, meta: State, support: Batch, query: Batch | None = None, way: int | None = None
    ) -> tuple[InnerLoop, State]:
        """The inner loop of the own part, with the shared one among the tensors it depends on."""
        return PartLoop(self, support, query, way), meta

    def losses(self, episodes: Episode) -> Float[Tensor, " task"]:
        """The loss of every task's queries ``[task]`` with the task's own part, and the penalty."""
        support, query, meta = episodes.support, episodes.query, self.meta()
        require(
            support.x.shape[1] > 0 or not self.uses_support_statistics,
            "Batch norms with statistics='support' need support rows in training too. Found "
            "none: take statistics='transductive'.",
        )
        self._check(episodes.task)
        own = self._of(meta, episodes.task)

        def of(tasks: slice) -> Tensor:
            loop, tensors = self.problem(meta, support[tasks], query[tasks])
            return loop.losses(
                loop.start(tensors) | {name: value[tasks] for name, value in own.items()}, tensors
            )

        losses = torch.cat(
            [of(tasks) for tasks in self.mapping_for(query.x).slices(episodes.num_tasks)]
        )
        if not self.penalty:
            return losses
        return losses + self.penalty * self.apart(meta, episodes.task) * (query.mask > 0).any(1)

    def apart(self, meta: State, task: Tensor) -> Tensor:
        """``½ ‖d_t‖²`` of the tasks ``task``, ``[task]``."""
        distances = [
            offset[task].square().flatten(1).sum(1) for offset in self._offsets(meta).values()
        ]
        return 0.5 * torch.stack(distances).sum(0)

    def known(self, support: Batch, task: Tensor) -> Adapted:
        """The training tasks ``task`` ``[task]`` with the own parts they have, for :meth:`predict`.

        ``support`` holds rows of each, from which batch norms take their statistics.
        """
        self._check(task)
        with evaluating(self), torch.no_grad():
            meta, parts = self.meta(), []
            for tasks in self.mapping_for(support.x).slices(support.num_tasks):
                loop, tensors = self.problem(meta, support[tasks])
                parts.append(loop.adapted(loop.start(tensors) | self._of(meta, task[tasks])))
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def _check(self, task: Tensor) -> None:
        low, high = int(task.min()), int(task.max())
        require(
            low >= 0 and high < self.num_tasks,
            f"{type(self).__name__} knows tasks 0 to {self.num_tasks - 1}. Found {low} to "
            f"{high}: a new task is served by adapt.",
        )

    def _offsets(self, meta: State) -> dict[str, Tensor]:
        """What all training tasks' own parts differ by ``[task, ...]``, by name; frozen parameters stay as they are."""
        return {
            name: offset
            for name, offset in zip(self._own, self.offsets, strict=True)
            if name in meta
        }

    def _of(self, meta: State, task: Tensor) -> Weights:
        """The own parts of the tasks ``task``."""
        return {name: meta[name] + offset[task] for name, offset in self._offsets(meta).items()}


__all__ = ["SharingLearner"]
