"""The outer gradient at the optimum of the inner problem, by the implicit function theorem."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from quickstudy.bilevel.eager import PullBack, eager
from quickstudy.bilevel.problem import InnerProblem, State
from quickstudy.bilevel.rng import restore_rng, rng_state
from quickstudy.bilevel.stepwise import pull_back, record, record_losses
from quickstudy.bilevel.unrolled import Solved

Product = Callable[[list[Tensor]], list[Tensor]]
"""A symmetric matrix for every task, as its product with a vector; a vector is a list of tensors like the weights."""
Solver = Callable[[Product, list[Tensor], int], list[Tensor]]
"""``A``, ``b``, and the number of axes in front of a task's own (0 or 1) to about ``A⁻¹ b``."""


def implicit(
    problem: InnerProblem,
    meta: State,
    step_weights: Sequence[float],
    solver: Solver,
    damping: float = 0.0,
) -> Solved:
    """The outer losses ``[task]`` after the steps, with the gradient that they have at the inner
    optimum; and the last state.

    Where ``w`` minimises ``ℓ(w, θ)``, the inner objective, ``∂ℓ/∂w = 0`` for every ``θ``, so the
    gradient of ``L(w(θ), θ)`` is

    ``∂L/∂θ − (∂²ℓ/∂θ∂w)ᵀ v`` with ``(∂²ℓ/∂w² + damping · I) v = ∂L/∂w``.

    It takes products of the Hessian with vectors at the last state alone, so memory does not depend
    on the number of steps, nor does it matter how they got there. It is the gradient of the losses
    in so far as they arrived.

    Args:
        problem: The inner loop; the losses of ``step_weights`` other than the last should be 0.
        meta: What the gradient is taken of.
        step_weights: As many as steps, and one.
        solver: Solves for ``v``, for all tasks at once.
        damping: Added to the Hessian.

    Source: Bengio 2000; Pedregosa 2016, eq. 2; Lorraine, Vicol & Duvenaud 2020, theorem 1.
    """
    return eager(partial(_run, problem, len(step_weights) - 1, solver, damping), meta)


def by_conjugate_gradients(
    product: Product, target: list[Tensor], axes: int, steps: int
) -> list[Tensor]:
    """``x`` with ``A x ≈ target`` after at most ``steps`` steps of conjugate gradients, for all
    tasks at once.

    Each task has its own lengths of steps. One that has arrived (to the precision of its dtype) or
    finds a direction in which its matrix is not positive keeps what it has.

    Source: Hestenes & Stiefel 1952, section 3.
    """
    dot = partial(_dot, axes=axes)
    solution, residual, direction = [torch.zeros_like(value) for value in target], target, target
    square = dot(residual, residual)
    goal, going = (
        square * torch.finfo(square.dtype).eps ** 2,
        torch.ones_like(square, dtype=torch.bool),
    )
    for _ in range(steps):
        image = product(direction)
        curvature = dot(direction, image)
        going = going & (curvature > 0) & (square > goal)
        length = torch.where(going, square / torch.where(going, curvature, 1), 0)
        solution = _plus(solution, length, direction)
        residual = _plus(residual, -length, image)
        before, square = square, dot(residual, residual)
        direction = _plus(
            residual, torch.where(going, square / torch.where(going, before, 1), 0), direction
        )
    return solution


def by_neumann_series(
    product: Product, target: list[Tensor], axes: int, terms: int, rate: float
) -> list[Tensor]:
    """``x = rate · Σ_{j < terms} (I − rate · A)ʲ target``, which goes to ``A⁻¹ target`` where ``0 <
    A < 2/rate``.

    Source: Lorraine, Vicol & Duvenaud 2020, theorem 2 and algorithm 3: it is what unrolling so many
        steps of gradient descent
    from the optimum gives.
    """
    term = [rate * value for value in target]
    solution = term
    for _ in range(terms - 1):
        term = [value - rate * image for value, image in zip(term, product(term), strict=True)]
        solution = [total + value for total, value in zip(solution, term, strict=True)]
    return solution


def _run(
    problem: InnerProblem, steps: int, solver: Solver, damping: float, given: State, wanted: bool
) -> tuple[Tensor, State, PullBack]:
    device, end = next(iter(given.values())).device, problem.start(given)
    for index in range(steps):
        end = problem.step(end, given, index, differentiable=False)
    if not wanted:
        return problem.losses(end, given), end, lambda _: []
    before = rng_state(device)  # the objective must draw the same dropout
    outer_losses = [record_losses(problem, end, given)]

    def pull_all(outer: Tensor) -> list[Tensor]:
        total, present = [torch.zeros_like(value) for value in given.values()], rng_state(device)
        pull = pull_back(outer_losses.pop(), [outer], total)
        restore_rng(device, before)
        (objective,), state, meta = record(lambda s, m: (problem.objective(s, m),), end, given)
        with torch.enable_grad():
            slopes = torch.autograd.grad(
                objective.sum(), list(state.values()), create_graph=True, allow_unused=True
            )
        restore_rng(device, present)
        known = [
            index for index, slope in enumerate(slopes) if slope is not None and slope.requires_grad
        ]
        gradient, weights = (
            [slopes[index] for index in known],
            [list(state.values())[index] for index in known],
        )

        def through(wanted: list[Tensor], vector: list[Tensor]) -> tuple[Tensor, ...]:
            return torch.autograd.grad(
                gradient,
                wanted,
                vector,
                retain_graph=True,
                allow_unused=True,
                materialize_grads=True,
            )

        def product(vector: list[Tensor]) -> list[Tensor]:
            return [
                image + damping * value
                for image, value in zip(through(weights, vector), vector, strict=True)
            ]

        if known:
            solution = solver(product, [pull[index] for index in known], objective.ndim)
            total = [
                sum_ - part
                for sum_, part in zip(total, through(list(meta.values()), solution), strict=True)
            ]
        return total

    return outer_losses[0].outputs[0].detach(), end, pull_all


def _dot(a: list[Tensor], b: list[Tensor], axes: int) -> Tensor:
    """The dot product of every task ``[task]``, or of all where there is no task axis (``axes = 0``)."""
    return torch.stack(
        [
            (x * y).flatten(axes).sum(-1) if x.ndim > axes else x * y
            for x, y in zip(a, b, strict=True)
        ]
    ).sum(0)


def _plus(a: list[Tensor], length: Tensor, b: list[Tensor]) -> list[Tensor]:
    """``a + length · b``, with a length for every task."""
    return [
        x + length.reshape((*length.shape, *[1] * (x.ndim - length.ndim))) * y
        for x, y in zip(a, b, strict=True)
    ]
