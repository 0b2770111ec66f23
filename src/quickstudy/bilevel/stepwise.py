"""The exact outer gradient, computed step by step from the end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from quickstudy.bilevel.eager import Ran, eager
from quickstudy.bilevel.problem import InnerProblem, State
from quickstudy.bilevel.rng import device_of, restore_rng, rng_kept, rng_state
from quickstudy.bilevel.unrolled import Solved, StepWeights
from quickstudy.bilevel.vectors import Vector, derivative, plus, zeros

Values = tuple[Tensor, ...]
Function = Callable[[State, State], Values]
"""Maps a state and the meta tensors to the values of the next state, or to the outer losses."""


def stepwise(problem: InnerProblem, meta: State, step_weights: StepWeights) -> Solved:
    """Compute the outer losses with the exact gradient, step by step, and the last state.

    The steps are taken without a graph, and their states ``s_k`` are kept. Then, from ``λ =
    ∂L/∂s_K`` and for ``k = K−1 … 0``, step ``k`` is computed again and ``λ`` is pulled back through
    it: ``λ ← (∂s_{k+1}/∂s_k)ᵀ λ``. For gradient descent this is ``λ − rate · H_k λ``. On the way,
    ``(∂s_{k+1}/∂meta)ᵀ λ`` is collected. It takes the memory of one step and of all states, which
    is free again once the losses are there (see :func:`~quickstudy.bilevel.eager.eager`).

    Args:
        problem: The inner loop.
        meta: The tensors of the outer gradient.
        step_weights: The weight of the losses after ``0 … K`` steps.

    Source: Griewank & Walther 2008, ch. 12: reverse-mode differentiation with a checkpoint at every
        step. Maclaurin, Duvenaud & Adams 2015 treat the same recursion.
    """
    return eager(partial(_run, problem, step_weights), meta)


class Recorded(NamedTuple):
    """Hold the values of a function, with their graph.

    Attributes:
        outputs: Its values.
        state: Its first argument, as leaves of the graph.
        meta: Its second argument, as leaves of the graph.
    """

    outputs: Values
    state: State
    meta: State


@torch.enable_grad()
def record(function: Function, state: State, meta: State) -> Recorded:
    """Compute a function of ``state`` and ``meta`` with the graph from these two to its values."""
    leaves = _leaves(state), _leaves(meta)
    return Recorded(function(*leaves), *leaves)


def _leaves(values: State) -> State:
    return {name: value.detach().requires_grad_() for name, value in values.items()}


def pull_back(recorded: Recorded, weights: Sequence[Tensor], total: Vector) -> Vector:
    """Pull the weights of the outputs back through a recorded function.

    Args:
        recorded: The function.
        weights: A tensor for each output, of its shape.
        total: A tensor for each of ``meta``. The gradient by ``meta`` is added to it in place.

    Returns:
        The gradient by ``state``.
    """
    pairs = zip(recorded.outputs, weights, strict=True)
    moving = [(output, weight) for output, weight in pairs if output.requires_grad]
    if not moving:
        return zeros(recorded.state.values())
    outputs, weights = zip(*moving, strict=True)
    leaves = (*recorded.state.values(), *recorded.meta.values())
    gradients, count = derivative(outputs, leaves, weights), len(recorded.state)
    for sum_, part in zip(total, gradients[count:], strict=True):
        sum_ += part
    return list(gradients[:count])


def losses_of(problem: InnerProblem) -> Function:
    """Give the outer losses as a function to record."""
    return lambda state, meta: (problem.losses(state, meta),)


def _run(problem: InnerProblem, step_weights: StepWeights, meta: State, wanted: bool) -> Ran:
    walk = _Walk(problem, step_weights, meta, wanted)
    return *walk.forward(), walk.back


class _Link(NamedTuple):
    """Hold a function on the way to the losses, and all that computing it again needs.

    Attributes:
        function: The function.
        state: The state that it was given.
        rng: The random state before it. Computed again, it must draw the same dropout.
        weight: The weight of these losses; None for a step, which gives the next state.
        recorded: The function with its graph, if it has been kept.
    """

    function: Function
    state: State
    rng: Tensor
    weight: float | None = None
    recorded: Recorded | None = None


@dataclass
class _Walk:
    """Take all steps forward without a graph, and back with the graph of one step at a time."""

    problem: InnerProblem
    step_weights: StepWeights
    meta: State
    wanted: bool
    trail: list[_Link] = field(default_factory=list)
    end: State = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """The device of everything."""
        return device_of(self.meta)

    def forward(self) -> Solved:
        """Take all steps, and leave a trail if the gradient is needed."""
        state, steps = self._start(), len(self.step_weights) - 1
        losses: list[Tensor] = []
        for index, weight in enumerate(self.step_weights):
            if weight:
                losses.append(weight * self._losses(state, weight, index == steps))
            if index < steps:
                state = self._step(state, index)
        self.end = state
        return torch.stack(losses).sum(0), state

    def back(self, outer: Tensor) -> Vector:
        """Pull the weights of the losses back to the meta tensors."""
        total, pull = zeros(self.meta.values()), zeros(self.end.values())
        with rng_kept(self.device):
            while self.trail:
                pull = self._through(self.trail.pop(), pull, outer, total)
        return total

    def _through(self, link: _Link, pull: Vector, outer: Tensor, total: Vector) -> Vector:
        restore_rng(self.device, link.rng)
        recorded = link.recorded or record(link.function, link.state, self.meta)
        if link.weight is None:
            return pull_back(recorded, pull, total)
        return plus(pull, pull_back(recorded, [link.weight * outer], total))

    def _start(self) -> State:
        self._leave(lambda _, meta: _values(self.problem.start(meta)), {})
        return self.problem.start(self.meta)

    def _step(self, state: State, index: int) -> State:
        step = self.problem.step
        self._leave(lambda state, meta: _values(step(state, meta, index, True)), state)
        return step(state, self.meta, index, False)

    def _losses(self, state: State, weight: float, last: bool) -> Tensor:
        self._leave(losses_of(self.problem), state, weight)
        if not (last and self.wanted):
            return self.problem.losses(state, self.meta)
        # recorded on the way there, the losses at the end are computed only once
        recorded = record(losses_of(self.problem), state, self.meta)
        self.trail[-1] = self.trail[-1]._replace(recorded=recorded)
        return recorded.outputs[0].detach()

    def _leave(self, function: Function, state: State, weight: float | None = None) -> None:
        if self.wanted:
            self.trail.append(_Link(function, state, rng_state(self.device), weight))


def _values(state: State) -> Values:
    return tuple(state.values())
