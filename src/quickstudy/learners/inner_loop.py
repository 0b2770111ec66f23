"""The inner loop of all gradient learners: a part of a network, stepped on the support loss."""

from dataclasses import replace
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from quickstudy.bilevel import InnerProblem, State
from quickstudy.bilevel.optimisers import Weights
from quickstudy.bilevel.problem import gradient, under
from quickstudy.episode import Batch
from quickstudy.errors import require
from quickstudy.learners.learner import Adapted
from quickstudy.learners.mapping import over_tasks
from quickstudy.learners.parts import Examples, Part, Shared, Tasks
from quickstudy.learners.steps import Slope, StepRule
from quickstudy.models.norm import Statistics

STATISTICS = "statistics."
"""In front of the names of batch-norm statistics in an adapted state."""
SUPPORT, QUERY = "features.support", "features.query"
"""What lies below a lifted part, among the tensors that a loop depends on."""


class Given(NamedTuple):
    """What a loop is given at some values of the meta-learned tensors.

    Attributes:
        shared: The network.
        step: What is meta-learned of the step rule.
        tasks: The tasks, with the support set as it enters the part.
        query: The queries as they enter the part.
    """

    shared: Shared
    step: State
    tasks: Tasks
    query: Batch | None


class Setting(NamedTuple):
    """What a loop is made of.

    Attributes:
        model: The network.
        part: What of it a task owns.
        step: How that changes by a step.
        proximal: ``λ`` of the term ``λ/2 ‖w − θ‖²`` that is added to the support loss.
        by_support: Whether queries are normalised by the statistics of the support set.
    """

    model: nn.Module
    part: Part
    step: StepRule
    proximal: float
    by_support: bool


class InnerLoop(InnerProblem):
    """The inner loop on the tasks of one support set.

    Args:
        setting: Network, part and step rule.
        tasks: Whose loop it is.
        query: What the outer loss is computed on; not needed for adapting.
    """

    def __init__(self, setting: Setting, tasks: Tasks, query: Batch | None = None) -> None:
        self.setting = setting
        self.tasks, self.query = tasks, query
        self.part, self.rule = setting.part, setting.step
        # once for all steps
        self.support_mask = tasks.support.mask_or_none()
        self.query_mask = None if query is None else query.mask_or_none()
        self.recorded: Statistics = ()
        # norms below a lifted part are computed with its features
        self.by_support = setting.by_support and not setting.part.lifted

    def tensors(self, meta: State) -> State:
        """Give the tensors by name through which the loop depends on ``meta``.

        Those are ``meta`` itself, or for a lifted part what enters it, so that every outer gradient
        reaches the layers below.
        """
        part, model = self.part, self.setting.model
        if not part.lifted:
            return meta
        shared, support = shared_of(model, meta), self.tasks.support
        below = over_tasks(lambda examples: part.below(shared, examples))
        inputs = Examples(support.x, self.support_mask, None, self.setting.by_support)
        features, self.recorded = below(inputs)
        inside = {f"model.{name}" for name in part.owned(model)}
        kept = {n: v for n, v in meta.items() if n in inside or not n.startswith("model.")}
        if self.query is None:
            return kept | {SUPPORT: features}
        queries = Examples(self.query.x, self.query_mask, self.recorded or None)
        return kept | {SUPPORT: features, QUERY: below(queries)[0]}

    def start(self, meta: State) -> State:
        """The part where it starts, and what the step rule remembers."""
        given = self.given(meta)
        weights = self.part.start(given.shared, given.tasks)
        scheduled = self._scheduled(given, 0)
        self.names = tuple(name for name in weights if name not in scheduled)
        self.weight_names = (*self.names, *scheduled)
        self.first_names = self.part.moved_first(self.names, given.tasks)
        slots = self.rule.slots({name: weights[name] for name in self.names}, given.step)
        return {**weights, **scheduled, **slots}

    def step(self, state: State, meta: State, index: int, differentiable: bool) -> State:
        """One step of the rule on the support loss."""
        given = self.given(meta)
        fixed = {name: state[name] for name in self.weight_names if name not in self.names}
        moving = {name: value for name, value in state.items() if name not in fixed}
        slope = self._slope(moving, fixed, given, index, differentiable)
        stepped = self.rule.step(moving, self.names, slope, given.step, index)
        return stepped | self._scheduled(given, index + 1)

    def _slope(
        self, moving: State, fixed: Weights, given: Given, index: int, differentiable: bool
    ) -> Slope:
        """What step ``index`` descends."""
        support = given.tasks.support
        batch = self.rule.rows(support, index)
        mask = self.support_mask if batch is support else batch.mask_or_none()

        def objective(own: Weights) -> Tensor:
            return self._objective(own | fixed, batch, mask, given)

        own = {name: moving[name] for name in self.names}
        descended = self.names if index else self.first_names
        return Slope(*gradient(objective, own, descended, differentiable))

    def objective(self, state: State, meta: State) -> Tensor:
        """The support loss of every task ``[task]``, and the proximal term."""
        given = self.given(meta)
        return self._objective(self.weights(state), given.tasks.support, self.support_mask, given)

    def losses(self, state: State, meta: State) -> Tensor:
        """The query loss of every task ``[task]``."""
        given = self.given(meta)
        assert given.query is not None
        weights, query = self.weights(state), given.query
        scores = (
            self._scores_by_support(weights, query, given)
            if self.by_support
            else self._scores(weights, query, self.query_mask, given.shared)
        )
        return self._losses(scores, query, self.query_mask)

    def adapted(self, state: State, meta: State) -> Adapted:
        """What prediction needs of ``state``: the part, and statistics of the support set."""
        weights, recorded = self.weights(state), self.recorded
        if self.by_support:
            given = self.given(meta)
            above, support = self.part.above, given.tasks.support
            of_one = over_tasks(lambda own, examples: above(given.shared, own, examples)[1])
            recorded = of_one(weights, Examples(support.x, self.support_mask, None, True))
        return weights | {f"{STATISTICS}{i}": value for i, value in enumerate(recorded)}

    def weights(self, state: State) -> Weights:
        """What of ``state`` the network is given."""
        return {name: state[name] for name in self.weight_names}

    def given(self, meta: State) -> Given:
        """What the loop is given at ``meta``."""
        tasks, query = self.tasks, self.query
        if SUPPORT in meta:
            tasks = tasks._replace(support=replace(tasks.support, x=meta[SUPPORT]))
        if QUERY in meta and query is not None:
            query = replace(query, x=meta[QUERY])
        return Given(shared_of(self.setting.model, meta), under("step.", meta), tasks, query)

    def _scheduled(self, given: Given, index: int) -> Weights:
        """What goes with the part of every task after ``index`` steps."""
        scheduled = self.rule.scheduled(given.shared.weights, given.step, index)
        count = given.tasks.support.num_tasks
        return {name: value.expand(count, *value.shape) for name, value in scheduled.items()}

    def _objective(
        self, weights: Weights, batch: Batch, mask: Tensor | None, given: Given
    ) -> Tensor:
        losses = self._losses(self._scores(weights, batch, mask, given.shared), batch, mask)
        if not self.setting.proximal:
            return losses
        start = self.part.start(given.shared, given.tasks)
        squares = [(weights[n] - start[n]).square().flatten(1).sum(1) for n in self.names]
        return losses + 0.5 * self.setting.proximal * torch.stack(squares).sum(0)

    def _scores(
        self, weights: Weights, batch: Batch, mask: Tensor | None, shared: Shared
    ) -> Tensor:
        """The scores of ``batch`` ``[task, example, output]``, normalised by itself."""
        above = self.part.above
        of_one = over_tasks(lambda own, x, mask: above(shared, own, Examples(x, mask))[0])
        return cast(Tensor, of_one(weights, batch.x, mask))

    def _scores_by_support(self, weights: Weights, query: Batch, given: Given) -> Tensor:
        """The scores of ``query`` ``[task, example, output]`` by the support set's statistics."""
        support, shared = given.tasks.support, given.shared
        require(
            support.x.shape[1] > 0,
            "Batch norms with statistics='support' need support rows in training too. Found "
            "none: take statistics='transductive'.",
        )

        def of_one(own: Weights, support: Examples, query: Examples) -> Tensor:
            used = self.part.above(shared, own, support)[1]
            return self.part.above(shared, own, query._replace(statistics=used))[0]

        recording = Examples(support.x, self.support_mask, None, True)
        queries = Examples(query.x, self.query_mask)
        return cast(Tensor, over_tasks(of_one)(weights, recording, queries))

    def _losses(self, scores: Tensor, batch: Batch, mask: Tensor | None) -> Tensor:
        """The loss of every task ``[task]``: here and nowhere else."""
        return batch.target.losses(scores, batch.y, mask)


def shared_of(model: nn.Module, meta: State) -> Shared:
    """The network that all tasks share, at some values of the meta-learned tensors."""
    return Shared(model, under("model.", meta), under("part.", meta))


__all__ = ["STATISTICS", "InnerLoop", "Setting", "shared_of"]
