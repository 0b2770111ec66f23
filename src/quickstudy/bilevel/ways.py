"""The ways to the outer gradient by their names: one table for learners and for functions of one's own."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Literal, get_args

from quickstudy.bilevel.implicit import by_conjugate_gradients, by_neumann_series, implicit
from quickstudy.bilevel.problem import InnerProblem, State
from quickstudy.bilevel.stepwise import stepwise
from quickstudy.bilevel.unrolled import Solved, first_order, truncated, unrolled
from quickstudy.errors import require

OuterGradient = Literal["unrolled", "stepwise", "truncated", "first_order", "implicit", "neumann"]
IMPLICIT = ("implicit", "neumann")
"""The ways that need an inner loop which arrives at the optimum of its objective."""


def solve_problem(
    problem: InnerProblem,
    meta: State,
    step_weights: Sequence[float],
    outer_gradient: OuterGradient,
    backward_steps: int,
    damping: float,
    rate: float,
) -> Solved:
    """The outer losses ``Σ_k step_weights[k] · losses(s_k)`` ``[task]``, to be differentiated as
    asked for, and the last state.

    Args:
        problem: The inner loop.
        meta: What the outer gradient is taken of.
        step_weights: The weight of the losses after ``0 … K`` steps.
        outer_gradient: See :func:`quickstudy.bilevel.solve`, as all others below.
        backward_steps: The last steps of ``"truncated"``; steps of conjugate gradients; terms of
            the Neumann series.
        damping: Added to the Hessian of the implicit ways.
        rate: The rate of ``"neumann"``.
    """
    match outer_gradient:
        case "unrolled":
            return unrolled(problem, meta, step_weights)
        case "stepwise":
            return stepwise(problem, meta, step_weights)
        case "truncated":
            return truncated(problem, meta, step_weights, backward_steps)
        case "first_order":
            return first_order(problem, meta, step_weights)
        case "implicit":
            conjugate = partial(by_conjugate_gradients, steps=backward_steps)
            return implicit(problem, meta, step_weights, conjugate, damping)
        case "neumann":
            series = partial(by_neumann_series, terms=backward_steps, rate=rate)
            return implicit(problem, meta, step_weights, series, damping)


def check_way(outer_gradient: str, backward_steps: int, damping: float) -> None:
    """Refuse an outer gradient that is none, and options out of range.

    Raises:
        UserError: If so.
    """
    known = get_args(OuterGradient)
    require(
        outer_gradient in known,
        f"Parameter `outer_gradient` should be one of {', '.join(known)}. Found "
        f"{outer_gradient!r}.",
    )
    require(
        backward_steps >= 1,
        f"Parameter `backward_steps` should be at least 1. Found backward_steps={backward_steps}.",
    )
    require(
        damping >= 0 and math.isfinite(damping),
        f"Parameter `damping` should be at least 0. Found damping={damping}.",
    )
