"""The outer gradient at the optimum of the inner problem, by the implicit function theorem."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from quickstudy.bilevel.eager import Ran, eager
from quickstudy.bilevel.problem import InnerProblem, State
from quickstudy.bilevel.rng import device_of, restore_rng, rng_kept, rng_state
from quickstudy.bilevel.stepwise import losses_of, pull_back, record
from quickstudy.bilevel.unrolled import Solved, StepWeights
from quickstudy.bilevel.vectors import Vector, along, derivative, dot, minus, plus, zeros

Product = Callable[[Vector], Vector]
"""A symmetric matrix for every task, as its product with a vector."""
Solver = Callable[[Product, Vector, int], Vector]
"""Maps ``A``, ``b`` and the number of task axes (0 or 1) to about ``A⁻¹ b``."""


def implicit(
    problem: InnerProblem,
    meta: State,
    step_weights: StepWeights,
    solver: Solver,
    damping: float,
) -> Solved:
    """Compute the outer losses with the gradient at the inner optimum, and the last state.

    If ``w`` minimises the inner objective ``ℓ(w, θ)``, then ``∂ℓ/∂w = 0`` for every ``θ``, so the
    gradient of ``L(w(θ), θ)`` is

    ``∂L/∂θ − (∂²ℓ/∂θ∂w)ᵀ v`` with ``(∂²ℓ/∂w² + damping · I) v = ∂L/∂w``.

    It takes products of the Hessian with vectors at the last state only. So memory does not depend
    on the number of steps, nor does the gradient depend on the path of the steps. The nearer the
    last state is to the optimum, the more exact is the gradient.

    Args:
        problem: The inner loop.
        meta: The tensors of the outer gradient.
        step_weights: The weight of the losses after ``0 … K`` steps. All but the last should be 0.
        solver: Solves for ``v``, for all tasks at once.
        damping: Added to the Hessian.

    Source: Bengio 2000; Pedregosa 2016, eq. 2; Lorraine, Vicol & Duvenaud 2020, theorem 1.
    """
    return eager(partial(_run, problem, step_weights, solver, damping), meta)


def by_conjugate_gradients(product: Product, target: Vector, axes: int, steps: int) -> Vector:
    """Solve the system of every task by conjugate gradients.

    Gives ``x`` with ``A x ≈ target``. Step lengths differ from task to task. A task stops when
    it has arrived, to the precision of its dtype, or when it finds a direction in which its matrix
    is not positive.

    Args:
        product: ``A``.
        target: The right-hand side.
        axes: 1 if the tensors have a task axis in front, otherwise 0.
        steps: The most steps.

    Source: Hestenes & Stiefel 1952, section 3.
    """
    square = dot(target, target, axes)
    goal = square * torch.finfo(square.dtype).eps ** 2
    going = torch.ones_like(square, dtype=torch.bool)
    found = _Search(zeros(target), target, target, square, going)
    for _ in range(steps):
        found = _searched(product, found, goal, axes)
    return found.solution


class _Search(NamedTuple):
    """Hold the state of conjugate gradients between two steps.

    Attributes:
        solution: The solution so far.
        residual: ``target − A solution``.
        direction: The direction of the next step.
        square: The squared length of the residual ``[task]``.
        going: Whether a task has not stopped ``[task]``.
    """

    solution: Vector
    residual: Vector
    direction: Vector
    square: Tensor
    going: Tensor


def _searched(product: Product, at: _Search, goal: Tensor, axes: int) -> _Search:
    """Take one step of conjugate gradients."""
    image = product(at.direction)
    curvature = dot(at.direction, image, axes)
    going = at.going & (curvature > 0) & (at.square > goal)
    length = _ratio(at.square, curvature, going)
    solution = along(at.solution, length, at.direction)
    residual = along(at.residual, -length, image)
    square = dot(residual, residual, axes)
    direction = along(residual, _ratio(square, at.square, going), at.direction)
    return _Search(solution, residual, direction, square, going)


def _ratio(a: Tensor, b: Tensor, known: Tensor) -> Tensor:
    """Divide ``a`` by ``b`` if the ratio is ``known``; otherwise give 0."""
    return torch.where(known, a / torch.where(known, b, 1), 0)


def by_neumann_series(
    product: Product, target: Vector, axes: int, terms: int, rate: float
) -> Vector:
    """Solve the system of every task by the first terms of the Neumann series.

    Gives ``x = rate · Σ_{j < terms} (I − rate · A)ʲ target``, which goes to ``A⁻¹ target`` if
    ``0 < A < 2/rate``. Unrolling as many steps of gradient descent from the optimum gives the same.

    Args:
        product: ``A``.
        target: The right-hand side.
        axes: 1 if the tensors have a task axis in front, otherwise 0.
        terms: The number of terms.
        rate: See above.

    Source: Lorraine, Vicol & Duvenaud 2020, theorem 2 and algorithm 3.
    """
    term = [rate * value for value in target]
    solution = term
    for _ in range(terms - 1):
        term = [value - rate * image for value, image in zip(term, product(term), strict=True)]
        solution = plus(solution, term)
    return solution


def _run(
    problem: InnerProblem,
    step_weights: StepWeights,
    solver: Solver,
    damping: float,
    meta: State,
    wanted: bool,
) -> Ran:
    end = problem.start(meta)
    for index in range(len(step_weights) - 1):
        end = problem.step(end, meta, index, differentiable=False)
    if not wanted:
        return problem.losses(end, meta), end, lambda _: []
    optimum = _Optimum(problem, end, meta)
    return optimum.losses, end, partial(optimum.back, solver, damping)


class _Optimum:
    """Take the last state of an inner problem for its optimum."""

    def __init__(self, problem: InnerProblem, end: State, meta: State) -> None:
        self.problem, self.end = problem, end
        self.meta, self.device = meta, device_of(meta)
        # the objective must draw the same dropout as the losses
        self.rng = rng_state(self.device)
        self.recorded = [record(losses_of(problem), end, meta)]

    @property
    def losses(self) -> Tensor:
        """The outer losses ``[task]``, without their graph."""
        return self.recorded[0].outputs[0].detach()

    def back(self, solver: Solver, damping: float, outer: Tensor) -> Vector:
        """Pull the weights of the losses back to the meta tensors."""
        total = zeros(self.meta.values())
        pull = pull_back(self.recorded.pop(), [outer], total)
        slope = self._slope()
        if not slope.places:
            return total
        target = [pull[place] for place in slope.places]
        solution = solver(partial(slope.product, damping), target, slope.axes)
        return minus(total, slope.through(slope.meta, solution))

    def _slope(self) -> "_Slope":
        with rng_kept(self.device):
            restore_rng(self.device, self.rng)
            return _slope_of(self.problem, self.end, self.meta)


class _Slope(NamedTuple):
    """Hold the gradient of the inner objective, with its graph.

    Attributes:
        places: The places in the state of the tensors that the objective depends on.
        weights: These tensors.
        gradient: The gradient by them.
        meta: The meta tensors.
        axes: The number of task axes.
    """

    places: list[int]
    weights: Vector
    gradient: Vector
    meta: Vector
    axes: int

    def through(self, wanted: Vector, vector: Vector) -> tuple[Tensor, ...]:
        """Differentiate the product of the gradient with ``vector`` by the tensors ``wanted``."""
        return derivative(self.gradient, wanted, vector, retain_graph=True)

    def product(self, damping: float, vector: Vector) -> Vector:
        """Multiply ``vector`` by the damped Hessian."""
        images = self.through(self.weights, vector)
        return [image + damping * x for image, x in zip(images, vector, strict=True)]


def _slope_of(problem: InnerProblem, end: State, meta: State) -> _Slope:
    recorded = record(lambda state, meta: (problem.objective(state, meta),), end, meta)
    values, objective = list(recorded.state.values()), recorded.outputs[0]
    with torch.enable_grad():
        slopes = torch.autograd.grad(objective.sum(), values, create_graph=True, allow_unused=True)
    # an optimiser's slots have no gradient, and the gradient of a linear objective is a constant
    places = [i for i, slope in enumerate(slopes) if slope is not None and slope.requires_grad]
    weights, gradient = [values[i] for i in places], [slopes[i] for i in places]
    return _Slope(places, weights, gradient, list(recorded.meta.values()), objective.ndim)
