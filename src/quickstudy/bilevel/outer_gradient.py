"""The outer gradients by their names: one table for learners and for given functions."""

import math
from functools import partial
from typing import Literal, get_args

from quickstudy.bilevel.implicit import by_conjugate_gradients, by_neumann_series, implicit
from quickstudy.bilevel.problem import InnerProblem, State
from quickstudy.bilevel.stepwise import stepwise
from quickstudy.bilevel.unrolled import Solved, StepWeights, first_order, truncated, unrolled
from quickstudy.errors import require

OuterGradient = Literal["unrolled", "stepwise", "truncated", "first_order", "implicit", "neumann"]
IMPLICIT = ("implicit", "neumann")
"""The outer gradients that need an inner loop which arrives at the optimum of its objective."""


def solve_problem(
    problem: InnerProblem,
    meta: State,
    step_weights: StepWeights,
    outer_gradient: OuterGradient,
    backward_steps: int,
    damping: float,
    rate: float,
) -> Solved:
    """Compute the outer losses with the chosen outer gradient, and the last state.

    The losses ``[task]`` are ``Σ_k step_weights[k] · losses(s_k)``.

    Args:
        problem: The inner loop.
        meta: The tensors of the outer gradient.
        step_weights: The weight of the losses after ``0 … K`` steps.
        outer_gradient: See :func:`quickstudy.bilevel.solve`.
        backward_steps: The last steps of ``"truncated"``, the steps of conjugate gradients, or the
            terms of the Neumann series.
        damping: Added to the Hessian by ``"implicit"`` and ``"neumann"``.
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


def check_outer_gradient(outer_gradient: str, backward_steps: int, damping: float) -> None:
    """Raise if ``outer_gradient`` is unknown or an option is out of range.

    Raises:
        UserError: If the name is unknown or an option is out of range.
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
