"""Bilevel optimisation: a loss at the end of another loss's descent, and its gradient with respect
to what is outer.

``min_θ L(w*(θ), θ)`` where ``w*(θ)`` minimises ``ℓ(w, θ)``. :func:`solve` takes the two losses as
functions; the learners give theirs as an :class:`InnerProblem` to the same engine."""

from quickstudy.bilevel.functions import Solution, solve
from quickstudy.bilevel.problem import InnerProblem, State
from quickstudy.bilevel.ways import OuterGradient

__all__ = ["InnerProblem", "OuterGradient", "Solution", "State", "solve"]
