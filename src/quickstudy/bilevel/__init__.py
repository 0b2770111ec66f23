"""Bilevel optimisation: a loss at the end of another loss's descent, and its gradient.

The problem is ``min_θ L(w*(θ), θ)``, and ``w*(θ)`` minimises ``ℓ(w, θ)``. :func:`solve` takes the
two losses as functions. The learners give theirs to the same engine as an :class:`InnerProblem`.
"""

from quickstudy.bilevel.functions import Solution, solve
from quickstudy.bilevel.outer_gradient import OuterGradient
from quickstudy.bilevel.problem import InnerProblem, State

__all__ = ["InnerProblem", "OuterGradient", "Solution", "State", "solve"]
