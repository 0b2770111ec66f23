"""The inner loop of all gradient learners: a part of a network, stepped on the support loss."""

from dataclasses import dataclass, replace
from typing import NamedTuple, Self, cast

from torch import Tensor, nn

from quickstudy.bilevel import InnerProblem, State
from quickstudy.bilevel.optimisers import Weights
from quickstudy.bilevel.problem import Objective, gradient, under
from quickstudy.episode import Batch
from quickstudy.errors import require
from quickstudy.learners.adapted import with_statistics
from quickstudy.learners.learner import Adapted
from quickstudy.learners.mapping import over_tasks
from quickstudy.learners.parts import Examples, Part, Shared, Tasks
from quickstudy.learners.steps import Slope, StepRule
from quickstudy.learners.tensors import for_every_task, squared_norms, without
from quickstudy.models.norm import Statistics

SUPPORT, QUERY = "features.support", "features.query"
"""The features below a lifted part, by these names among the tensors that a loop depends on."""


class MaskedBatch(NamedTuple):
    """Hold examples of every task, with a mask that is computed once for all steps.

    Attributes:
        batch: The examples.
        mask: Which of them are real ``[task, example]``; None if all are.
    """

    batch: Batch
    mask: Tensor | None

    @classmethod
    def of(cls, batch: Batch) -> "MaskedBatch":
        """Look at the mask of ``batch``."""
        return cls(batch, batch.mask_or_none())

    def seen(self, features: Tensor | None) -> "MaskedBatch":
        """Put ``features`` in the place of the inputs; None changes nothing."""
        return self if features is None else MaskedBatch(replace(self.batch, x=features), self.mask)

    def examples(self, record: bool = False) -> Examples:
        """Return the inputs as they enter a network; ``record`` asks for their statistics."""
        return Examples(self.batch.x, self.mask, None, record)

    def losses(self, scores: Tensor) -> Tensor:
        """Return the loss of every task ``[task]``: computed here and nowhere else."""
        return self.batch.target.losses(scores, self.batch.y, self.mask)


class Given(NamedTuple):
    """Hold the arguments of a loop at some values of the meta-learned tensors.

    Attributes:
        shared: The network.
        step: The meta-learned tensors of the step rule.
        tasks: The tasks, with the support set as it enters the part.
        support: The rows of this support set.
        query: The queries as they enter the part.
    """

    shared: Shared
    step: State
    tasks: Tasks
    support: MaskedBatch
    query: MaskedBatch | None


class Setting(NamedTuple):
    """Hold the objects that a loop is made of.

    Attributes:
        model: The network.
        part: The part of it that a task owns.
        step: The rule by which the part changes in a step.
        proximal: ``λ`` of the term ``λ/2 ‖w − θ‖²`` that is added to the support loss.
        by_support: Whether queries are normalised by the statistics of the support set.
    """

    model: nn.Module
    part: Part
    step: StepRule
    proximal: float
    by_support: bool


class InnerLoop(InnerProblem):
    """Step a part of a network on the support sets of some tasks.

    Args:
        setting: Network, part and step rule.
        tasks: The tasks of the loop.
        query: The examples of the outer loss; not needed for adapting.
    """

    def __init__(self, setting: Setting, tasks: Tasks, query: Batch | None = None) -> None:
        self.setting, self.tasks = setting, tasks
        self.part, self.rule = setting.part, setting.step
        self.support = MaskedBatch.of(tasks.support)
        self.query = None if query is None else MaskedBatch.of(query)
        self.recorded: Statistics = ()
        # norms below a lifted part are computed with its features
        self.by_support = setting.by_support and not setting.part.lifted

    def tensors(self, meta: State) -> State:
        """Return the tensors by name through which the loop depends on ``meta``.

        They are ``meta`` itself. For a lifted part they hold the features that enter it in place
        of the layers below, so that every outer gradient reaches these layers.
        """
        if not self.part.lifted:
            return meta
        shared, support = shared_of(self.setting.model, meta), self.support
        below = over_tasks(lambda examples: self.part.below(shared, examples))
        features, self.recorded = below(support.examples(self.setting.by_support))
        tensors = self._above(meta) | {SUPPORT: features}
        if self.query is None:
            return tensors
        queries = self.query.examples()._replace(statistics=self.recorded or None)
        return tensors | {QUERY: below(queries)[0]}

    def _above(self, meta: State) -> State:
        """Return ``meta`` without the weights of the network that a lifted part does not own."""
        inside = {f"model.{name}" for name in self.part.owned(self.setting.model)}
        return {n: v for n, v in meta.items() if n in inside or not n.startswith("model.")}

    def start(self, meta: State) -> State:
        """Return the part before its first step, and the slots of the step rule."""
        given = self.given(meta)
        weights = self.part.start(given.shared, given.tasks)
        scheduled = self._scheduled(given, 0)
        self._name(tuple(weights), tuple(scheduled), given.tasks)
        return {**weights, **scheduled, **self.rule.slots(self._moving(weights), given.step)}

    def _moving(self, state: State) -> Weights:
        """Return the weights that inner steps move."""
        return {name: state[name] for name in self.names}

    def _resting(self, state: State) -> Weights:
        """Return the weights that follow a schedule instead."""
        return {name: state[name] for name in self.weight_names if name not in self.names}

    def _name(self, owned: tuple[str, ...], scheduled: tuple[str, ...], tasks: Tasks) -> None:
        """Note which tensors adapt, which move in the first step, and which the network gets."""
        self.names = tuple(name for name in owned if name not in scheduled)
        self.weight_names = (*self.names, *scheduled)
        self.first_names = self.part.moved_first(self.names, tasks)

    def step(self, state: State, meta: State, index: int, differentiable: bool) -> State:
        """Take one step of the rule on the support loss."""
        given = self.given(meta)
        resting = self._resting(state)
        moving = without(state, resting)
        rows = self._rows_of_step(given.support, index)

        def objective(own: Weights) -> Tensor:
            return self._objective(own | resting, rows, given)

        slope = self._slope(objective, moving, index, differentiable)
        stepped = self.rule.step(moving, self.names, slope, given.step, index)
        return stepped | self._scheduled(given, index + 1)

    def _rows_of_step(self, support: MaskedBatch, index: int) -> MaskedBatch:
        """Return the support examples that step ``index`` uses."""
        batch = self.rule.rows(support.batch, index)
        return support if batch is support.batch else MaskedBatch.of(batch)

    def _slope(
        self, objective: Objective, moving: State, index: int, differentiable: bool
    ) -> Slope:
        """Return the value and the gradient that step ``index`` descends."""
        descended = self.names if index else self.first_names
        return Slope(*gradient(objective, self._moving(moving), descended, differentiable))

    def objective(self, state: State, meta: State) -> Tensor:
        """Return the support loss of every task ``[task]``, with the proximal term."""
        given = self.given(meta)
        return self._objective(self.weights(state), given.support, given)

    def losses(self, state: State, meta: State) -> Tensor:
        """Return the query loss of every task ``[task]``."""
        given = self.given(meta)
        assert given.query is not None
        scores = self._scores_by_support if self.by_support else self._scores
        return given.query.losses(scores(self.weights(state), given.query, given))

    def adapted(self, state: State, meta: State) -> Adapted:
        """Return the tensors that predicting needs: the part, and batch-norm statistics."""
        weights = self.weights(state)
        statistics = self._statistics(weights, meta) if self.by_support else self.recorded
        return with_statistics(weights, statistics)

    def _statistics(self, weights: Weights, meta: State) -> Statistics:
        """Return the batch-norm statistics of every task's support set at ``weights``."""
        given, above = self.given(meta), self.part.above
        of_one = over_tasks(lambda own, examples: above(given.shared, own, examples)[1])
        return cast(Statistics, of_one(weights, given.support.examples(record=True)))

    def weights(self, state: State) -> Weights:
        """Return the tensors of ``state`` that the network is given."""
        return {name: state[name] for name in self.weight_names}

    def given(self, meta: State) -> Given:
        """Return the arguments of the loop at ``meta``."""
        support = self.support.seen(meta.get(SUPPORT))
        tasks = self.tasks._replace(support=support.batch)
        shared = shared_of(self.setting.model, meta)
        return Given(shared, under("step.", meta), tasks, support, self._query_at(meta))

    def _query_at(self, meta: State) -> MaskedBatch | None:
        """Return the queries as they enter the part at ``meta``, if there are any."""
        return None if self.query is None else self.query.seen(meta.get(QUERY))

    def _scheduled(self, given: Given, index: int) -> Weights:
        """Return the tensors that follow a schedule, after ``index`` steps, for every task."""
        scheduled = self.rule.scheduled(given.shared.weights, given.step, index)
        return for_every_task(scheduled, given.tasks.support.num_tasks)

    def _objective(self, weights: Weights, rows: MaskedBatch, given: Given) -> Tensor:
        """Return the loss of ``rows`` for every task ``[task]``, with the proximal term."""
        losses = rows.losses(self._scores(weights, rows, given))
        if not self.setting.proximal:
            return losses
        return losses + 0.5 * self.setting.proximal * self._distances(weights, given)

    def _distances(self, weights: Weights, given: Given) -> Tensor:
        """Return the squared distance of every task's part from its start ``[task]``."""
        start = self.part.start(given.shared, given.tasks)
        return squared_norms(weights[name] - start[name] for name in self.names)

    def _scores(self, weights: Weights, rows: MaskedBatch, given: Given) -> Tensor:
        """Return the scores of ``rows`` ``[task, example, output]``, normalised by themselves."""
        above, shared = self.part.above, given.shared
        of_one = over_tasks(lambda own, x, mask: above(shared, own, Examples(x, mask))[0])
        return cast(Tensor, of_one(weights, rows.batch.x, rows.mask))

    def _scores_by_support(self, weights: Weights, query: MaskedBatch, given: Given) -> Tensor:
        """Return the scores of ``query``, normalised by the support set's statistics."""
        _check_support_rows(given.support.batch)
        above, shared = self.part.above, given.shared

        def of_one(own: Weights, support: Examples, query: Examples) -> Tensor:
            used = above(shared, own, support)[1]
            return above(shared, own, query._replace(statistics=used))[0]

        recording = given.support.examples(record=True)
        return cast(Tensor, over_tasks(of_one)(weights, recording, query.examples()))


def _check_support_rows(support: Batch) -> None:
    """Raise if no statistics can be taken of ``support``, because it is empty."""
    require(
        support.x.shape[1] > 0,
        "Batch norms with statistics='support' need support rows in training too. Found "
        "none: take statistics='transductive'.",
    )


@dataclass(frozen=True)
class LoopRun:
    """Hold an inner loop on its way, without a graph through its steps.

    Attributes:
        loop: The loop.
        tensors: The tensors through which it depends on the meta-learned ones.
        state: The state that it has reached.
    """

    loop: InnerLoop
    tensors: State
    state: State

    @classmethod
    def started(cls, loop: InnerLoop, tensors: State) -> Self:
        """Start ``loop``."""
        return cls(loop, tensors, loop.start(tensors))

    def stepped(self, index: int) -> Self:
        """Take inner step ``index``."""
        state = self.loop.step(self.state, self.tensors, index, False)
        return replace(self, state=state)

    def adapted(self) -> Adapted:
        """Return the tensors that predicting needs."""
        return self.loop.adapted(self.state, self.tensors)


def shared_of(model: nn.Module, meta: State) -> Shared:
    """Return the network that all tasks share, at some values of the meta-learned tensors."""
    return Shared(model, under("model.", meta), under("part.", meta))


__all__ = ["InnerLoop", "LoopRun", "Setting", "shared_of"]
