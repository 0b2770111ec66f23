"""The abstract parent of learners that adapt by steps: part × step rule × outer gradient."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, Self

import torch
from jaxtyping import Float
from torch import Tensor, nn

from quickstudy.bilevel import State
from quickstudy.bilevel.rng import rng_kept
from quickstudy.episode import Batch, Episode
from quickstudy.errors import UserError, require, require_at_least
from quickstudy.learners.adapted import joined, parted
from quickstudy.learners.inner_loop import InnerLoop, LoopRun, Setting, shared_of
from quickstudy.learners.learner import Adapted, Learner
from quickstudy.learners.mapping import (
    MappingMode,
    TaskMapping,
    announce,
    choose_mapping,
    is_large,
    over_tasks,
)
from quickstudy.learners.outer import Outer
from quickstudy.learners.parts import Examples, Part, Shared, Tasks
from quickstudy.learners.steps import StepRule
from quickstudy.learners.tensors import some_tasks
from quickstudy.models.norm import Statistics, has_task_norm, replace_batch_norm
from quickstudy.models.protocol import traits
from quickstudy.targets import Target

StatisticsPolicy = Literal["support", "transductive", "frozen"]
POLICIES = ("support", "transductive", "frozen")

KEPT_BYTES = 64 * 2**20
"""The most memory for the states of all inner steps, which stepwise gradients keep."""


class GradientLearner(Learner):
    """Adapt a part of a network by inner steps on the support loss.

    The part starts at ``w_0``. The step rule makes ``w_{k+1}`` of ``w_k`` and the gradient of
    ``L_support(w_k)``, the mean loss of the support set, for ``K = inner_steps`` steps. Training
    descends the loss that the outer gradient makes of these steps, usually ``L_query(w_K)``.

    A method is a final class whose constructor names its part, step rule and outer gradient;
    :class:`~quickstudy.learners.Assembled` takes any three. Parameters with
    ``requires_grad=False`` are neither adapted nor meta-learned.

    Args:
        model: Any module that maps ``[example, *feature]`` to ``[example, output]``. Its batch
            norms are replaced in place, see :mod:`quickstudy.models.norm`.
        part: The part of the model that a task owns.
        step: The rule by which the part changes in a step.
        gradient: The outer gradient, which gives the loss that training descends.
        inner_steps: Inner steps in training.
        test_steps: Inner steps at test; by default as many as in training.
        statistics: The statistics that batch norms use: ``"support"``, ``"transductive"`` or
            ``"frozen"``.
        mapping: ``"auto"``, ``"vmap"``, ``"loop"``, or the number of tasks to compute at once.
        proximal: ``λ`` of a term ``λ/2 ‖w − w_0‖²`` that inner steps add to the support loss.

    Raises:
        UserError: If an argument is out of range, the model has nothing to adapt, or part, step
            rule and outer gradient do not go together.
    """

    @abstractmethod
    def __init__(
        self,
        model: nn.Module,
        part: Part,
        step: StepRule,
        gradient: Outer,
        inner_steps: int,
        test_steps: int | None = None,
        statistics: StatisticsPolicy = "support",
        mapping: MappingMode = "auto",
        proximal: float = 0.0,
    ) -> None:
        super().__init__()
        require_at_least(0, inner_steps=inner_steps, test_steps=test_steps or 0)
        _check_statistics(statistics)
        _check_proximal(proximal)
        self.model = _prepared(model, statistics)
        self.part, self.step = part, step
        self.gradient = gradient
        self.inner_steps, self._test_steps = inner_steps, test_steps
        self.statistics: StatisticsPolicy = statistics
        self.mapping, self.proximal = mapping, proximal
        self._attach()
        self.transductive = statistics == "transductive" and has_task_norm(self.model)
        self._mappings: dict[tuple[object, ...], TaskMapping] = {}
        self._state_bytes: dict[tuple[object, ...], int] = {}
        self.train()

    def _attach(self) -> None:
        """Show the network to part and step rule, and raise if they do not go together."""
        self.part.attach(self.model)
        self.step.attach(self.model, self.part, self.inner_steps)
        self.gradient.check(self)
        self._check_norms()

    def _check_norms(self) -> None:
        """Raise if norms of each step lie below a part that is lifted."""
        require(
            not (self.step.by_step and self.part.lifted),
            "Parameter `per_step_norm` goes with steps of the whole network: here the norms "
            "below the head see no steps.",
        )

    @property
    def test_steps(self) -> int:
        """Return the number of inner steps at test."""
        return self.inner_steps if self._test_steps is None else self._test_steps

    @property
    def any_way(self) -> bool:
        """Say whether tasks of any way are served: not with a learned row for each class."""
        return self.part.any_way

    def serves(self, target: Target) -> str | None:
        """Serve any target whose scores the network gives, if the part serves it."""
        reason = self.part.serves(self.model, target)
        outputs = traits(self.model).outputs
        if reason is not None or self.any_way or outputs is None:
            return reason
        return _misfit(target, outputs)

    @property
    def head_names(self) -> tuple[str, ...]:
        """Return the parameters of the last linear layer, if the part treats it separately."""
        return self.part.head

    def train(self, mode: bool = True) -> Self:
        """Set training mode; batch norms with frozen statistics stay in evaluation mode."""
        super().train(mode)
        if not self.gradient.moves_averages:
            _freeze_averages(self.model)
        return self

    def meta(self) -> State:
        """Return the meta-learned tensors by name."""
        return {name: p for name, p in self.named_parameters() if p.requires_grad}

    def losses(self, episodes: Episode) -> Float[Tensor, " task"]:
        """Return the loss of every task ``[task]``, usually of its queries after adapting."""
        return self.losses_from(self.meta(), episodes)

    def losses_from(self, meta: State, episodes: Episode) -> Tensor:
        """Return the losses ``[task]`` as a function of the meta-learned tensors."""
        self.check(episodes.support.target)
        losses = self.gradient.losses(self, meta, episodes)
        penalty = self._penalty(meta, episodes)
        # a task without queries has loss 0
        return losses if penalty is None else losses + penalty * (episodes.query.mask > 0).any(1)

    def _penalty(self, meta: State, episodes: Episode) -> Tensor | None:
        """Return the part's penalty on the loss of every task ``[task]``; None if there is none."""
        return self.part.penalty(shared_of(self.model, meta), episodes.task)

    def pure_losses(self) -> tuple[State, Callable[[State, Episode], Tensor]]:
        """Return the meta-learned tensors, and the losses as a function of them."""
        for reason in filter(None, self._uncompiled()):
            raise UserError(f"{reason} Leave `compile` off.")
        return self.meta(), self.losses_from

    def _uncompiled(self) -> Sequence[str | None]:
        """Return the reasons of part, step rule and outer gradient against compiling a step."""
        norms = "A model with batch norms is not compiled." if has_task_norm(self.model) else None
        return self.gradient.uncompiled(), self.part.uncompiled(), norms

    def loop(
        self, meta: State, tasks: Tasks, query: Batch | None = None
    ) -> tuple[InnerLoop, State]:
        """Make the inner loop of ``tasks``, and the tensors by which it depends on ``meta``."""
        self.part.check(self.model, tasks.support.x)
        loop = InnerLoop(self._setting(), tasks, query)
        return loop, loop.tensors(meta)

    def _setting(self) -> Setting:
        """Return the objects that the inner loops are made of."""
        by_support = self.uses_support_statistics
        return Setting(self.model, self.part, self.step, self.proximal, by_support)

    def over_loops(
        self,
        meta: State,
        episodes: Episode,
        function: Callable[[InnerLoop, State], Tensor],
        keep_states: bool = False,
    ) -> Tensor:
        """Compute ``function`` of the inner loops of all tasks ``[task]``.

        Args:
            meta: The meta-learned tensors.
            episodes: The tasks.
            function: Takes an inner loop of some tasks and the tensors that it depends on, and
                gives a number for each of these tasks.
            keep_states: Compute only as many tasks at once as :meth:`tasks_kept` says.
        """
        support, query = episodes.support, episodes.query
        tasks = self._tasks(support, episodes.task)
        slices = self._slices(episodes, keep_states)
        loops = (self.loop(meta, tasks.some(s), query[s]) for s in slices)
        return torch.cat([function(loop, tensors) for loop, tensors in loops])

    def _slices(self, episodes: Episode, keep_states: bool) -> Iterator[slice]:
        """Yield the tasks that are computed at once in training."""
        support, num_tasks = episodes.support, episodes.num_tasks
        most = self.tasks_kept(support) if keep_states and num_tasks > 1 else None
        return self.mapping_for(self._largest(episodes).x).slices(num_tasks, most)

    def _largest(self, episodes: Episode) -> Batch:
        """Return the examples that decide how many tasks are computed at once."""
        return episodes.support if self.part.trains_on_support else episodes.query

    @property
    def uses_support_statistics(self) -> bool:
        """Say whether queries are normalised by the statistics of the support set."""
        return self.statistics == "support" and has_task_norm(self.model)

    def way_of(self, support: Batch) -> int | None:
        """Return the most classes of a task of ``support``, if it decides the size of a head."""
        return support.target.way if self.any_way else None

    def _tasks(self, support: Batch, known: Tensor | None = None) -> Tasks:
        """Return the tasks of ``support``, with their identities if they are ``known``."""
        return Tasks(support, self.way_of(support), known)

    def mapping_for(self, x: Tensor) -> TaskMapping:
        """Return how tasks with inputs like ``x`` are mapped; chosen once and announced."""
        key = (x.device, x.shape[2:], self.mapping, is_large(x))
        if key not in self._mappings:
            self._mappings[key] = self._announced(choose_mapping(self.model, x, self.mapping))
        return self._mappings[key]

    def _announced(self, chosen: TaskMapping) -> TaskMapping:
        """Announce a mapping that is chosen for the first time."""
        return chosen if chosen in self._mappings.values() else announce(chosen)

    def tasks_kept(self, support: Batch) -> int:
        """Return the number of tasks like ``support``'s whose states of all steps fit in 64 MiB."""
        of_steps = self._bytes_known(support) * self.inner_steps
        return max(1, KEPT_BYTES // max(1, of_steps))

    def _bytes_known(self, support: Batch) -> int:
        """Return the bytes of a state; measured once for tasks of one shape."""
        key = (support.x.shape[1:], support.x.dtype, self.way_of(support))
        if key not in self._state_bytes:
            self._state_bytes[key] = self._bytes_of_a_state(support)
        return self._state_bytes[key]

    def _bytes_of_a_state(self, support: Batch) -> int:
        """Measure the state of one task before its first step."""
        # a start from prototypes draws dropout
        with rng_kept(support.x.device), torch.no_grad():
            loop, tensors = self.loop(self.meta(), self._tasks(support).some(slice(1)))
            return sum(value.nbytes for value in loop.start(tensors).values())

    def most_together(self, support: Batch) -> int | None:
        """Return the tasks that are computed at once: by the mapping, and by the kept states."""
        chunk = self.mapping_for(support.x).chunk
        if not self.gradient.keeps_states:
            return chunk
        kept = self.tasks_kept(support)
        return kept if chunk is None else min(chunk, kept)

    def trajectory(self, support: Batch, steps: Sequence[int]) -> Iterator[Adapted]:
        """Yield the part (and batch-norm statistics) of every task after each of ``steps``."""
        self.check(support.target)
        runs, taken = self.runs(support), 0
        for target in steps:
            for index in range(taken, target):
                runs = [run.stepped(index) for run in runs]
            taken = max(taken, target)
            yield joined([run.adapted() for run in runs])

    def runs(self, support: Batch, known: Tensor | None = None) -> list[LoopRun]:
        """Start the inner loops of all tasks, each of as many as the mapping says."""
        tasks, meta = self._tasks(support, known), self.meta()
        chunks = self._chunks(support.x)
        return [LoopRun.started(*self.loop(meta, tasks.some(chunk))) for chunk in chunks]

    def _chunks(self, x: Tensor) -> Iterator[slice]:
        """Yield the tasks of ``x`` ``[task, ...]`` that are computed at once."""
        return self.mapping_for(x).slices(x.shape[0])

    def scores(self, adapted: Adapted, x: Tensor) -> Tensor:
        """Return the scores that the adapted network of every task gives to ``x``."""
        whole, shared = self.part.whole, Shared(self.model)

        def one_task(own: Adapted, used: Statistics, x: Tensor) -> Tensor:
            return whole(shared, own, Examples(x, None, used or None))[0]

        own, used = parted(adapted)
        slices = [slice(None)] if x.shape[0] == 1 else self._chunks(x)
        return torch.cat([over_tasks(one_task)(*some_tasks((own, used, x), s)) for s in slices])


def _freeze_averages(model: nn.Module) -> None:
    """Put torch's batch norms in evaluation mode, so that their running averages stay."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()


def _misfit(target: Target, outputs: int) -> str | None:
    """Say why a network with ``outputs`` outputs cannot serve ``target``; None if it can."""
    if target.way and target.way > outputs:
        return (
            "Parameter `way` should be at most the outputs of the network. "
            f"Found way={target.way}, {outputs} outputs."
        )
    if not target.way and target.scores != outputs:
        return f"The network should have {target.scores} outputs. Found {outputs}."
    return None


def _prepared(model: nn.Module, statistics: StatisticsPolicy) -> nn.Module:
    """Give ``model`` the norms that suit the policy."""
    model = model if statistics == "frozen" else replace_batch_norm(model)
    require(
        any(p.requires_grad for p in model.parameters()),
        "The model should have a parameter with requires_grad=True.",
    )
    return model


def _check_statistics(statistics: str) -> None:
    require(
        statistics in POLICIES,
        f"Parameter `statistics` should be one of {', '.join(POLICIES)}. Found {statistics!r}.",
    )


def _check_proximal(proximal: float) -> None:
    require(
        0 <= proximal < float("inf"),
        f"Parameter `proximal` should be at least 0. Found proximal={proximal}.",
    )


__all__ = ["GradientLearner", "StatisticsPolicy"]
