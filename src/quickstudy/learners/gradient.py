"""The abstract parent of learners that adapt by steps: part × step rule × outer gradient."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, Self

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from quickstudy.bilevel import State
from quickstudy.bilevel.rng import restore_rng, rng_state
from quickstudy.episode import Batch, Episode
from quickstudy.errors import UserError, require
from quickstudy.learners.inner_loop import STATISTICS, InnerLoop, Setting, shared_of
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
from quickstudy.models.layout import channels_last
from quickstudy.models.norm import has_task_norm, replace_batch_norm
from quickstudy.models.protocol import traits
from quickstudy.targets import Target

StatisticsPolicy = Literal["support", "transductive", "frozen"]

KEPT_BYTES = 64 * 2**20
"""The most that the states of all inner steps take, which stepwise gradients keep."""


class GradientLearner(Learner):
    """Adapts a part of a network by ``inner_steps`` steps on the support loss.

    ``w_0`` is the part where it starts, ``w_{k+1}`` a step of the rule from ``w_k`` on
    ``L_support(w_k)``, the mean over the support set. Training descends what the outer gradient
    makes of it, usually ``L_query(w_K)``.

    A method is a final class whose constructor says of which three it is made;
    :class:`~quickstudy.learners.Assembled` takes any three. Parameters with
    ``requires_grad=False`` are neither adapted nor meta-learned.

    Args:
        model: Any module that maps ``[example, *feature]`` to ``[example, output]``. Its batch
            norms are replaced in place, see :mod:`quickstudy.models.norm`.
        part: What of the model a task owns.
        step: How that changes by a step.
        gradient: What training descends.
        inner_steps: Inner steps in training.
        test_steps: Inner steps at test; by default as many as in training.
        statistics: Whose mean and variance batch norms use: ``"support"``, ``"transductive"`` or
            ``"frozen"``.
        mapping: ``"auto"``, ``"vmap"``, ``"loop"``, or the number of tasks to compute at once.
        proximal: ``λ`` of a term ``λ/2 ‖w − w_0‖²`` that inner steps add to the support loss.

    Raises:
        UserError: If an argument is out of range, the model has nothing to adapt, or the three do
            not go together.
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
        _check_settings(inner_steps, test_steps, statistics, proximal)
        self.model = _prepared(model, statistics)
        self.part = part
        self.step = step
        self.gradient = gradient
        self.inner_steps, self._test_steps = inner_steps, test_steps
        self.statistics: StatisticsPolicy = statistics
        self.mapping, self.proximal = mapping, proximal
        part.attach(self.model)
        step.attach(self.model, part, inner_steps)
        self._check_together()
        self.transductive = statistics == "transductive" and has_task_norm(self.model)
        self._mappings: dict[tuple[object, ...], TaskMapping] = {}
        self._state_bytes: dict[tuple[object, ...], int] = {}
        self.train()

    def _check_together(self) -> None:
        """Raise if part, step rule and outer gradient do not go together."""
        self.gradient.check(self)
        require(
            not (self.step.by_step and self.part.lifted),
            "Parameter `per_step_norm` goes with steps of the whole network: here the norms "
            "below the head see no steps.",
        )

    @property
    def test_steps(self) -> int:
        """Inner steps at test."""
        return self.inner_steps if self._test_steps is None else self._test_steps

    @property
    def any_way(self) -> bool:
        """Whether tasks of any way are served: not with a learned row for each class."""
        return self.part.any_way

    def serves(self, target: Target) -> str | None:
        """Any target whose scores the network gives, if the part serves it."""
        outputs = traits(self.model).outputs
        reason = self.part.serves(self.model, target)
        if reason is not None or self.any_way or outputs is None:
            return reason
        if target.way and target.way > outputs:
            return (
                "Parameter `way` should be at most the outputs of the network. "
                f"Found way={target.way}, {outputs} outputs."
            )
        if not target.way and target.scores != outputs:
            return f"The network should have {target.scores} outputs. Found {outputs}."
        return None

    @property
    def head_names(self) -> tuple[str, ...]:
        """The parameters of the last linear layer, if the part treats it apart."""
        return self.part.head

    def train(self, mode: bool = True) -> Self:
        """Set training mode; batch norms with frozen statistics stay in evaluation mode."""
        super().train(mode)
        for module in () if self.gradient.moves_averages else self.model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self

    def meta(self) -> State:
        """What is meta-learned, by name."""
        return {name: p for name, p in self.named_parameters() if p.requires_grad}

    def losses(self, episodes: Episode) -> Float[Tensor, " task"]:
        """The loss of every task ``[task]``: usually that of its queries after adapting."""
        return self.losses_from(self.meta(), episodes)

    def losses_from(self, meta: State, episodes: Episode) -> Tensor:
        """:meth:`losses` as a function of what is meta-learned."""
        self.check(episodes.support.target)
        losses = self.gradient.losses(self, meta, episodes)
        penalty = self.part.penalty(shared_of(self.model, meta), episodes.task)
        if penalty is None:
            return losses
        return losses + penalty * (episodes.query.mask > 0).any(1)

    def pure_losses(self) -> tuple[State, Callable[[State, Episode], Tensor]]:
        """What is meta-learned, and the losses as a function of it, for a compiler."""
        norms = "A model with batch norms is not compiled."
        reasons = [
            self.gradient.uncompiled(),
            self.part.uncompiled(),
            norms if has_task_norm(self.model) else None,
        ]
        for reason in filter(None, reasons):
            raise UserError(f"{reason} Leave `compile` off.")
        return self.meta(), self.losses_from

    def loop(
        self, meta: State, tasks: Tasks, query: Batch | None = None
    ) -> tuple[InnerLoop, State]:
        """The inner loop of ``tasks``, and the tensors through which it depends on ``meta``."""
        self.part.check(self.model, tasks.support.x)
        setting = Setting(
            self.model,
            self.part,
            self.step,
            self.proximal,
            self.uses_support_statistics,
        )
        loop = InnerLoop(setting, tasks, query)
        return loop, loop.tensors(meta)

    def over_loops(
        self,
        meta: State,
        episodes: Episode,
        function: Callable[[InnerLoop, State], Tensor],
        keep_states: bool = False,
    ) -> Tensor:
        """``function`` of the inner loops of as many tasks at once as the mapping says ``[task]``.

        With ``keep_states`` of no more than those whose states of all steps fit 64 MiB.
        """
        support, query = episodes.support, episodes.query
        deciding = support if self.part.trains_on_support else query
        most = self.tasks_kept(support) if keep_states and episodes.num_tasks > 1 else None
        way = self.way_of(support)
        slices = self.mapping_for(deciding.x).slices(episodes.num_tasks, most)
        tasks = Tasks(support, way, episodes.task)
        loops = (self.loop(meta, tasks.some(s), query[s]) for s in slices)
        return torch.cat([function(loop, tensors) for loop, tensors in loops])

    @property
    def uses_support_statistics(self) -> bool:
        """Whether queries are normalised by the statistics of the support set."""
        return self.statistics == "support" and has_task_norm(self.model)

    def way_of(self, support: Batch) -> int | None:
        """The most classes of a task of ``support``, if it decides the size of a head."""
        return support.target.way if self.any_way else None

    def mapping_for(self, x: Tensor) -> TaskMapping:
        """How tasks with inputs like ``x`` are mapped; chosen once and announced."""
        key = (x.device, x.shape[2:], self.mapping, is_large(x))
        if key not in self._mappings:
            chosen = choose_mapping(self.model, x, self.mapping)
            self._mappings[key] = chosen if chosen in self._mappings.values() else announce(chosen)
        return self._mappings[key]

    def tasks_kept(self, support: Batch) -> int:
        """How many tasks like those of ``support`` have states of all steps that fit 64 MiB."""
        way = self.way_of(support)
        key = (support.x.shape[1:], support.x.dtype, way)
        if key not in self._state_bytes:
            before = rng_state(support.x.device)  # a start from prototypes draws dropout
            with torch.no_grad():
                loop, tensors = self.loop(self.meta(), Tasks(support[:1], way))
                start = loop.start(tensors)
            self._state_bytes[key] = sum(value.nbytes for value in start.values())
            restore_rng(support.x.device, before)
        return max(1, KEPT_BYTES // max(1, self._state_bytes[key] * self.inner_steps))

    def most_together(self, support: Batch) -> int | None:
        """As many as the mapping says, of a stepwise gradient those whose states are kept."""
        chunk = self.mapping_for(support.x).chunk
        if not self.gradient.keeps_states:
            return chunk
        kept = self.tasks_kept(support)
        return kept if chunk is None else min(chunk, kept)

    def trajectory(self, support: Batch, steps: Sequence[int]) -> Iterator[Adapted]:
        """The part (and batch-norm statistics) of every task after each number of ``steps``."""
        self.check(support.target)
        loops = self.loops(support)
        states, taken = [loop.start(tensors) for loop, tensors in loops], 0
        for target in steps:
            for index in range(taken, target):
                states = [
                    loop.step(state, tensors, index, False)
                    for (loop, tensors), state in zip(loops, states, strict=True)
                ]
            taken = max(taken, target)
            yield joined(loops, states)

    def loops(self, support: Batch, known: Tensor | None = None) -> list[tuple[InnerLoop, State]]:
        """The inner loops of as many tasks at once as the mapping says."""
        tasks, meta = Tasks(support, self.way_of(support), known), self.meta()
        slices = self.mapping_for(support.x).slices(support.num_tasks)
        return [self.loop(meta, tasks.some(s)) for s in slices]

    def scores(self, adapted: Adapted, x: Tensor) -> Tensor:
        """The adapted network of every task on ``x``."""
        shared, (own, used) = Shared(self.model), _parted(adapted)

        def one_task(own: Adapted, x: Tensor, used: tuple[Tensor, ...]) -> Tensor:
            return self.part.whole(shared, own, Examples(x, None, used or None))[0]

        of_all = over_tasks(one_task)
        slices = [slice(None)] if x.shape[0] == 1 else self.mapping_for(x).slices(x.shape[0])
        return torch.cat([of_all(*_some((own, x, used), tasks)) for tasks in slices])


def _parted(adapted: Adapted) -> tuple[Adapted, tuple[Tensor, ...]]:
    """What a task owns, and the batch-norm statistics."""
    own = {name: v for name, v in adapted.items() if not name.startswith(STATISTICS)}
    count = len(adapted) - len(own)
    return own, tuple(adapted[f"{STATISTICS}{place}"] for place in range(count))


def _some(values: Any, tasks: slice) -> Any:
    """The tasks of a slice of a tree of tensors ``[task, ...]``."""
    return pytree.tree_map(lambda value: value[tasks], values)


def joined(loops: list[tuple[InnerLoop, State]], states: list[State]) -> Adapted:
    """What prediction needs of the states of several loops, along one task axis."""
    pairs = zip(loops, states, strict=True)
    adapted = [loop.adapted(state, tensors) for (loop, tensors), state in pairs]
    return {name: torch.cat([part[name] for part in adapted]).contiguous() for name in adapted[0]}


def _prepared(model: nn.Module, statistics: StatisticsPolicy) -> nn.Module:
    """``model`` with norms that suit the policy."""
    model = model if statistics == "frozen" else replace_batch_norm(model)
    require(
        any(p.requires_grad for p in model.parameters()),
        "The model should have a parameter with requires_grad=True.",
    )
    channels_last(model)
    return model


def _check_settings(
    inner_steps: int, test_steps: int | None, statistics: str, proximal: float
) -> None:
    for name, steps in (("inner_steps", inner_steps), ("test_steps", test_steps or 0)):
        require(steps >= 0, f"Parameter `{name}` should be at least 0. Found {name}={steps}.")
    policies = ("support", "transductive", "frozen")
    require(
        statistics in policies,
        f"Parameter `statistics` should be one of {', '.join(policies)}. Found {statistics!r}.",
    )
    require(
        0 <= proximal < float("inf"),
        f"Parameter `proximal` should be at least 0. Found proximal={proximal}.",
    )


__all__ = ["GradientLearner", "StatisticsPolicy", "joined"]
