"""The abstract parent of learners that adapt by gradient steps, and their inner loop."""

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, Literal, cast

import torch
from torch import Tensor, nn

from quickstudy.bilevel import InnerProblem, OuterGradient, State
from quickstudy.bilevel.optimisers import (
    InnerOptimiser,
    InnerOptimiserName,
    Weights,
    inner_optimiser,
)
from quickstudy.bilevel.outer_gradient import solve_problem
from quickstudy.bilevel.problem import gradient, move
from quickstudy.bilevel.rng import restore_rng, rng_state
from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.learners.head import check_head, head_parameters, shared_head
from quickstudy.learners.learner import Adapted, Learner
from quickstudy.learners.loss import mask_or_none, num_classes, task_losses
from quickstudy.learners.mapping import (
    MappingMode,
    TaskMapping,
    announce,
    choose_mapping,
    is_large,
    over_tasks,
)
from quickstudy.models.layout import channels_last
from quickstudy.models.norm import Statistics, forward, has_task_norm, replace_batch_norm

StatisticsPolicy = Literal["support", "transductive", "frozen"]

KEPT_BYTES = 64 * 2**20
"""Stepwise gradients keep the states of all inner steps, of so many tasks at a time that they take no more than this."""


class GradientLearner(Learner):
    """Adapts weights by ``inner_steps`` gradient steps on the support loss.

    ``w_0 = θ``, ``w_{k+1} = w_k − inner_lr · ∇ L_support(w_k)`` (or the step of another inner
    optimiser), with ``L`` the mean over the support set.

    Parameters with ``requires_grad=False`` are neither adapted nor meta-learned.

    Args:
        model: Any module that maps ``[example, *feature]`` to ``[example, output]``. Its batch
            norms are replaced in place, see :mod:`quickstudy.models.norm`.
        inner_lr: Inner learning rate, for a loss that is a *mean* over examples.
        inner_steps: Inner steps in training.
        test_steps: Inner steps at test; by default as many as in training.
        inner_optimiser: ``"sgd"``, ``"momentum"`` or ``"adam"``.
        statistics: Whose mean and variance batch norms use: ``"support"``, ``"transductive"`` or
            ``"frozen"``.
        mapping: ``"auto"``, ``"vmap"``, ``"loop"``, or the number of tasks to compute at once.
        shared_head: In classification, start every class's row of the last linear layer from the
            mean of the rows, so that adapting does not depend on how classes are numbered and
            serves any way (Ye & Chao 2022, UNICORN-MAML). It learns from far fewer tasks.

    Raises:
        UserError: If an argument is out of range, or the model has nothing to adapt.
    """

    head_alone: ClassVar[bool] = False
    """Whether the inner steps change the last linear layer alone."""

    mixes = True

    proximal: float = 0.0
    """``λ`` of the term ``λ/2 ‖w − θ‖²`` that the inner steps add to the support loss."""

    def __init__(
        self,
        model: nn.Module,
        inner_lr: float,
        inner_steps: int,
        test_steps: int | None,
        inner_optimiser: InnerOptimiserName,
        statistics: StatisticsPolicy,
        mapping: MappingMode,
        shared_head: bool = False,
    ) -> None:
        super().__init__()
        require(
            inner_lr > 0, f"Parameter `inner_lr` should be positive. Found inner_lr={inner_lr}."
        )
        for name, steps in (("inner_steps", inner_steps), ("test_steps", test_steps or 0)):
            require(steps >= 0, f"Parameter `{name}` should be at least 0. Found {name}={steps}.")
        policies = ("support", "transductive", "frozen")
        require(
            statistics in policies,
            f"Parameter `statistics` should be one of {', '.join(policies)}. Found {statistics!r}.",
        )
        self.model = model if statistics == "frozen" else replace_batch_norm(model)
        require(
            any(p.requires_grad for p in self.model.parameters()),
            "The model should have a parameter with requires_grad=True.",
        )
        channels_last(self.model)
        require(
            not (self.mixed_targets and shared_head),
            "Parameter `shared_head` goes with tasks of classes alone, not with several targets.",
        )
        self.inner_lr, self.inner_steps, self.inner_optimiser = (
            inner_lr,
            inner_steps,
            inner_optimiser,
        )
        self._test_steps = test_steps
        self.statistics: StatisticsPolicy = statistics
        self.mapping, self.shared_head = mapping, shared_head
        self._head_checked = False
        self._head = head_parameters(self.model) if shared_head or self.head_alone else ()
        self.transductive = statistics == "transductive" and has_task_norm(self.model)
        self._mappings: dict[tuple[object, ...], TaskMapping] = {}
        self._state_bytes: dict[tuple[object, ...], int] = {}
        self.optimiser()  # refuses a wrong name at once
        self.train()

    @property
    def test_steps(self) -> int:
        """Inner steps at test."""
        return self.inner_steps if self._test_steps is None else self._test_steps

    @property
    def any_way(self) -> bool:
        """Whether tasks of any way are served: not with a learned row for each class."""
        return self.shared_head

    def train(self, mode: bool = True) -> "GradientLearner":
        """Set training mode; batch norms with frozen statistics stay in evaluation mode."""
        super().train(mode)
        for module in self.model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self

    @property
    def uses_support_statistics(self) -> bool:
        """Whether queries are normalised by the statistics of the support set."""
        return self.statistics == "support" and has_task_norm(self.model)

    def optimiser(self) -> InnerOptimiser:
        """The inner optimiser."""
        return inner_optimiser(self.inner_optimiser)

    def meta(self) -> State:
        """What is meta-learned, by name."""
        return {
            name: parameter
            for name, parameter in self.model.named_parameters()
            if parameter.requires_grad
        }

    def initial(self, meta: State, support: Batch, way: int | None) -> Weights:
        """The weights a task starts from, ``[task, ...]`` each; ``way`` is the most classes of a task."""
        weights = {
            name: value.expand(support.num_tasks, *value.shape) for name, value in meta.items()
        }
        return shared_head(weights, self._head, way) if self.shared_head else weights

    def rate(self, meta: State, name: str, index: int) -> Tensor | float:
        """The inner learning rate of parameter ``name`` in step ``index``: ``inner_lr``."""
        return self.inner_lr

    def scheduled(self, meta: State, index: int) -> Weights:
        """The weights that do not adapt but change with the step: those that go with the weights after ``index`` steps."""
        return {}

    def problem(
        self, meta: State, support: Batch, query: Batch | None = None, way: int | None = None
    ) -> tuple["InnerLoop", State]:
        """The inner loop on some tasks, and the tensors by name through which it depends on ``meta``."""
        if self._head:
            self.check_head(support.x)
        return InnerLoop(self, support, query, way), meta

    def check_head(self, x: Tensor) -> None:
        """Refuse, once, a model whose last linear layer is not its end; ``x`` is ``[task, example, *feature]``."""
        if not (self._head_checked or torch.compiler.is_compiling() or not x.numel()):
            check_head(self.model, self._head, x[0, :1])
            self._head_checked = True

    def way_of(self, support: Batch) -> int | None:
        """The most classes of a task of ``support``, where it decides the size of a head; otherwise None."""
        return num_classes(support) if self.any_way and not support.y.is_floating_point() else None

    def rows(self, support: Batch, index: int) -> Batch:
        """The support examples that inner step ``index`` uses: all of them."""
        return support

    def apply_model(
        self,
        weights: Weights,
        x: Tensor,
        mask: Tensor | None,
        statistics: Statistics | None,
        record: bool,
    ) -> tuple[Tensor, Statistics]:
        """The model of one task on ``x`` ``[example, *feature]``, as :func:`quickstudy.models.norm.forward`."""
        return forward(self.model, weights, x, mask, statistics, record)

    def mapping_for(self, x: Tensor) -> TaskMapping:
        """How tasks with inputs like ``x`` are mapped; chosen once and announced."""
        key = (x.device, x.shape[2:], self.mapping, is_large(x))
        if key not in self._mappings:
            chosen = choose_mapping(self.model, x, self.mapping)
            self._mappings[key] = chosen if chosen in self._mappings.values() else announce(chosen)
        return self._mappings[key]

    def over_chunks(
        self, episodes: Episode, function: Callable[[Episode], Tensor], most: int | None = None
    ) -> Tensor:
        """``function`` of as many tasks at once as the mapping says, at most ``most``, joined along the task axis."""
        slices = self.mapping_for(episodes.support.x).slices(episodes.num_tasks, most)
        return torch.cat([function(episodes[tasks]) for tasks in slices])

    def outer_losses(
        self,
        meta: State,
        episodes: Episode,
        weights: Sequence[float],
        which: OuterGradient,
        backward_steps: int = 1,
        damping: float = 0.0,
    ) -> Tensor:
        """The query losses after the inner steps, weighted by ``weights``, with the outer gradient asked for ``[task]``."""
        way = self.way_of(episodes.support)
        most = (
            self.tasks_kept(episodes.support)
            if which == "stepwise" and episodes.num_tasks > 1
            else None
        )

        def solved(chunk: Episode) -> Tensor:
            problem, tensors = self.problem(meta, chunk.support, chunk.query, way)
            return solve_problem(
                problem, tensors, weights, which, backward_steps, damping, self.inner_lr
            )[0]

        return self.over_chunks(episodes, solved, most)

    def tasks_kept(self, support: Batch) -> int:
        """Of how many tasks like those of ``support`` the states of all inner steps take no more than 64 MiB, at least 1."""
        way = self.way_of(support)
        key = (support.x.shape[1:], support.x.dtype, way)
        if key not in self._state_bytes:
            before = rng_state(support.x.device)  # a start from prototypes draws dropout
            with torch.no_grad():
                problem, tensors = self.problem(self.meta(), support[:1], way=way)
                self._state_bytes[key] = sum(
                    value.nbytes for value in problem.start(tensors).values()
                )
            restore_rng(support.x.device, before)
        return max(1, KEPT_BYTES // max(1, self._state_bytes[key] * self.inner_steps))

    def trajectory(self, support: Batch, steps: Sequence[int]) -> Iterator[Adapted]:
        """The weights (and batch-norm statistics) of every task after each number of ``steps``."""
        slices = list(self.mapping_for(support.x).slices(support.num_tasks))
        way = self.way_of(support)
        problems = [self.problem(self.meta(), support[tasks], way=way) for tasks in slices]
        states = [loop.start(meta) for loop, meta in problems]
        taken = 0
        for target in steps:
            for index in range(taken, target):
                states = [
                    loop.step(state, meta, index, False)
                    for (loop, meta), state in zip(problems, states, strict=True)
                ]
            taken = max(taken, target)
            adapted = [
                loop.adapted(state) for (loop, _), state in zip(problems, states, strict=True)
            ]
            yield {
                name: torch.cat([part[name] for part in adapted]).contiguous()
                for name in adapted[0]
            }

    def scores(self, adapted: Adapted, x: Tensor) -> Tensor:
        """The adapted model of every task on ``x``."""

        def one_task(adapted: Adapted, x: Tensor) -> Tensor:
            weights = {
                name: value for name, value in adapted.items() if not name.startswith(STATISTICS)
            }
            recorded = tuple(
                adapted[f"{STATISTICS}{i}"] for i in range(len(adapted) - len(weights))
            )
            return self.apply_model(weights, x, None, recorded or None, False)[0]

        slices = [slice(None)] if x.shape[0] == 1 else self.mapping_for(x).slices(x.shape[0])
        parts = [
            over_tasks(one_task)({name: value[tasks] for name, value in adapted.items()}, x[tasks])
            for tasks in slices
        ]
        return torch.cat(parts)


STATISTICS = "statistics."
"""In front of the names of batch-norm statistics in an adapted state."""


class InnerLoop(InnerProblem):
    """The inner loop of a gradient learner on the tasks of one support set.

    Args:
        learner: Says how to start, to step and to apply the model.
        support: What the steps learn from.
        query: What the outer loss is computed on; not needed for adapting alone.
        way: The most classes of a task, where the learner makes a new head.
    """

    def __init__(
        self,
        learner: GradientLearner,
        support: Batch,
        query: Batch | None = None,
        way: int | None = None,
    ) -> None:
        self.learner, self.support, self.query, self.way = learner, support, query, way
        self.optimiser = learner.optimiser()
        self.support_mask = mask_or_none(support)  # once for all steps
        self.query_mask = None if query is None else mask_or_none(query)

    def start(self, meta: State) -> State:
        """The initial weights and the inner optimiser's state."""
        weights = self.learner.initial(meta, self.support, self.way)
        scheduled = self._scheduled(meta, 0)
        self.names = tuple(name for name in weights if name not in scheduled)
        self.weight_names = (*self.names, *scheduled)
        head, labels = self.learner._head, not self.support.y.is_floating_point()
        alone = self.learner.shared_head and labels and all(name in weights for name in head)
        # equal rows pass no gradient down: (p − y) sums to 0 over classes
        self.first_names = tuple(head) if alone else self.names
        return {
            **weights,
            **scheduled,
            **self.optimiser.start({name: weights[name] for name in self.names}),
        }

    def step(self, state: State, meta: State, index: int, differentiable: bool) -> State:
        """One step of the inner optimiser on the support loss."""
        batch, mask = self._batch(index)
        moving = {
            name: value
            for name, value in state.items()
            if name in self.names or name not in self.weight_names
        }
        fixed = {name: state[name] for name in self.weight_names if name not in self.names}
        slopes = gradient(
            lambda weights: self._objective(weights | fixed, batch, mask, meta),
            {name: state[name] for name in self.names},
            self.first_names if index == 0 else self.names,
            differentiable,
        )[1]
        descended = move(
            self.optimiser,
            moving,
            self.names,
            slopes,
            lambda name: self.learner.rate(meta, name, index),
            index,
        )
        return descended | self._scheduled(meta, index + 1)

    def gradient(
        self, state: State, meta: State, index: int, differentiable: bool
    ) -> tuple[Tensor, Weights]:
        """What step ``index`` descends: the support loss of every task ``[task]``, and its gradient by the task's weights."""
        batch, mask = self._batch(index)
        weights = {name: state[name] for name in self.weight_names}
        moving = self.first_names if index == 0 else self.names
        return gradient(
            lambda weights: self._objective(weights, batch, mask, meta),
            weights,
            moving,
            differentiable,
        )

    def objective(self, state: State, meta: State) -> Tensor:
        """The support loss of every task ``[task]``, and the proximal term."""
        return self._objective(
            {name: state[name] for name in self.weight_names}, self.support, self.support_mask, meta
        )

    def _batch(self, index: int) -> tuple[Batch, Tensor | None]:
        """The support examples of step ``index``, and their mask."""
        batch = self.learner.rows(self.support, index)
        return batch, self.support_mask if batch is self.support else mask_or_none(batch)

    def _scheduled(self, meta: State, index: int) -> Weights:
        """What goes with the weights after ``index`` steps, of every task."""
        return {
            name: value.expand(self.support.num_tasks, *value.shape)
            for name, value in self.learner.scheduled(meta, index).items()
        }

    def _objective(
        self, weights: Weights, batch: Batch, mask: Tensor | None, meta: State
    ) -> Tensor:
        losses = task_losses(
            self.scores(weights, batch, mask, meta), batch.y, mask, self.learner.mixed_targets
        )
        if not self.learner.proximal:
            return losses
        start = self.learner.initial(meta, self.support, self.way)
        distance = torch.stack(
            [(weights[name] - start[name]).square().flatten(1).sum(1) for name in self.names]
        ).sum(0)
        return losses + 0.5 * self.learner.proximal * distance

    def losses(self, state: State, meta: State) -> Tensor:
        """The query loss of every task ``[task]``."""
        assert self.query is not None
        weights = {name: state[name] for name in self.weight_names}
        return task_losses(
            self.query_scores(weights, self.query, meta),
            self.query.y,
            self.query_mask,
            self.learner.mixed_targets,
        )

    def scores(self, weights: Weights, batch: Batch, mask: Tensor | None, meta: State) -> Tensor:
        """The scores of the support examples ``batch`` ``[task, example, output]``."""
        return cast(Tensor, over_tasks(self._scores)(weights, batch.x, mask))

    def query_scores(self, weights: Weights, query: Batch, meta: State) -> Tensor:
        """The scores of the queries ``[task, example, output]``."""
        return cast(
            Tensor,
            over_tasks(self._query_scores)(
                weights, self.support.x, self.support_mask, query.x, self.query_mask
            ),
        )

    def adapted(self, state: State) -> Adapted:
        """What prediction needs of ``state``: the weights, and the support set's statistics by policy."""
        weights = {name: state[name] for name in self.weight_names}
        if not self.learner.uses_support_statistics:
            return weights
        recorded = over_tasks(self._statistics)(weights, self.support.x, self.support_mask)
        return weights | {f"{STATISTICS}{i}": value for i, value in enumerate(recorded)}

    def _statistics(self, weights: Weights, x: Tensor, mask: Tensor | None) -> Statistics:
        return self.learner.apply_model(weights, x, mask, None, True)[1]

    def _scores(self, weights: Weights, x: Tensor, mask: Tensor | None) -> Tensor:
        return self.learner.apply_model(weights, x, mask, None, False)[0]

    def _query_scores(
        self,
        weights: Weights,
        support_x: Tensor,
        support_mask: Tensor | None,
        x: Tensor,
        mask: Tensor | None,
    ) -> Tensor:
        statistics = (
            self._statistics(weights, support_x, support_mask)
            if self.learner.uses_support_statistics
            else None
        )
        return self.learner.apply_model(weights, x, mask, statistics, False)[0]
