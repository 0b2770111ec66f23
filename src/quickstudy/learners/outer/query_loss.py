"""The query loss after the inner steps, and how its gradient is taken."""

from typing import TYPE_CHECKING, Self

from torch import Tensor

from quickstudy.bilevel import OuterGradient, State
from quickstudy.bilevel.outer_gradient import IMPLICIT, check_outer_gradient, solve_problem
from quickstudy.episode import Episode
from quickstudy.errors import require, require_at_least
from quickstudy.learners.inner_loop import InnerLoop
from quickstudy.learners.outer.outer import Outer

if TYPE_CHECKING:
    from quickstudy.learners.gradient import GradientLearner

EXPLICIT = ("unrolled", "stepwise", "first_order")
"""The outer gradients that need no further option."""
COMPILED = ("unrolled", "truncated", "first_order")
"""The outer gradients that are a graph of the inner steps."""


class QueryLoss(Outer):
    """Descend the query loss after the inner steps.

    The loss of a task is ``L_query(w_K)``, or a mean of the query losses after several steps.

    Args:
        outer_gradient: ``"unrolled"``, ``"stepwise"``, ``"truncated"``, ``"first_order"``,
            ``"implicit"`` or ``"neumann"``, see :func:`quickstudy.bilevel.solve`.
        backward_steps: The last steps of ``"truncated"``, the steps of conjugate gradients, or the
            terms of the Neumann series.
        damping: A number that the implicit gradients add to the diagonal of the Hessian.
        multi_step: Take the mean of the query losses after each of the inner steps.
        multi_step_until: The outer step by which the weights of the steps' losses have gone
            linearly from equal weights to the weight 1 of the last loss.
        first_order_until: Take the gradient in first order before this outer step.

    Raises:
        UserError: If an argument is out of range.
    """

    def __init__(
        self,
        outer_gradient: OuterGradient = "unrolled",
        backward_steps: int = 5,
        damping: float = 0.0,
        multi_step: bool = False,
        multi_step_until: int | None = None,
        first_order_until: int = 0,
    ) -> None:
        super().__init__()
        check_outer_gradient(outer_gradient, backward_steps, damping)
        _check_schedule(multi_step, multi_step_until, first_order_until)
        self.outer_gradient: OuterGradient = outer_gradient
        self.keeps_states = outer_gradient == "stepwise"
        self.backward_steps, self.damping = backward_steps, damping
        self.multi_step, self.multi_step_until = multi_step, multi_step_until
        self.first_order_until = first_order_until

    @classmethod
    def explicit(cls, outer_gradient: OuterGradient) -> Self:
        """Make a query loss whose gradient needs no further option.

        Raises:
            UserError: If ``outer_gradient`` is none of these.
        """
        require(
            outer_gradient in EXPLICIT,
            f"Parameter `outer_gradient` should be one of {', '.join(EXPLICIT)}. Found "
            f"{outer_gradient!r}.",
        )
        return cls(outer_gradient)

    def check(self, learner: "GradientLearner") -> None:
        """Raise if there is no implicit gradient of the inner loop of ``learner``.

        Raises:
            UserError: If there is none, with the reason.
        """
        if self.outer_gradient in IMPLICIT:
            _check_optimum(learner, self.outer_gradient)
            self._check_options(learner)

    def _check_options(self, learner: "GradientLearner") -> None:
        """Raise if an option does not go with an implicit gradient."""
        outer = f"outer_gradient={self.outer_gradient!r}"
        require(
            not self.multi_step,
            f"Parameter `multi_step_loss` should be False with {outer}: only the loss at the "
            "optimum counts. Found True.",
        )
        require(
            self.outer_gradient != "neumann" or learner.step.inner_optimiser == "sgd",
            f"Parameter `inner_optimiser` should be 'sgd' with {outer}, which goes on with its "
            f"rate. Found {learner.step.inner_optimiser!r}.",
        )

    def losses(self, learner: "GradientLearner", meta: State, episodes: Episode) -> Tensor:
        """Return the query loss of every task after adapting ``[task]``."""
        which = self.gradient_at(episodes.moment.step)
        weights = self.step_weights(learner.inner_steps, episodes.moment.step)
        last, damping = self.backward_steps, self.damping
        rate = learner.step.inner_lr

        def solved(loop: InnerLoop, tensors: State) -> Tensor:
            return solve_problem(loop, tensors, weights, which, last, damping, rate)[0]

        return learner.over_loops(meta, episodes, solved, which == "stepwise")

    def gradient_at(self, outer_step: int) -> OuterGradient:
        """Return the outer gradient that is taken at ``outer_step``."""
        return "first_order" if outer_step < self.first_order_until else self.outer_gradient

    def step_weights(self, inner_steps: int, outer_step: int) -> list[float]:
        """Return the weight of the query loss after 0, 1, … ``inner_steps`` steps."""
        steps = inner_steps
        if not (self.multi_step and steps):
            return [0.0] * steps + [1.0]
        alike = self._alike(outer_step)
        return [0.0] + [alike / steps] * (steps - 1) + [1 - alike * (steps - 1) / steps]

    def _alike(self, outer_step: int) -> float:
        """Return how evenly the steps' losses count: 0 if only the last does, 1 if all do."""
        if self.multi_step_until is None:
            return 1.0
        return max(0.0, 1 - outer_step / self.multi_step_until) if self.multi_step_until else 0.0

    def uncompiled(self) -> str | None:
        """Refuse all but a graph of the inner steps, which stays the same over training."""
        if self.outer_gradient not in COMPILED:
            return (
                "An outer gradient that is computed in the forward pass "
                f"({self.outer_gradient!r}) is not compiled."
            )
        if self.multi_step_until or self.first_order_until:
            return (
                "A loss that changes over training (multi_step_until, first_order_until) is not "
                "compiled."
            )
        return None


def _check_schedule(multi_step: bool, multi_step_until: int | None, first_order: int) -> None:
    """Raise if an outer step of the schedule is negative, or lacks the option that it needs."""
    require_at_least(0, multi_step_until=multi_step_until or 0, first_order_until=first_order)
    require(
        multi_step_until is None or multi_step,
        "Parameter `multi_step_until` goes with multi_step_loss=True only.",
    )


def _check_optimum(learner: "GradientLearner", outer_gradient: OuterGradient) -> None:
    """Raise if the inner loop has no optimum that depends on the initialisation only."""
    require(
        not learner.step.learns,
        f"Parameter `outer_gradient` should not be {outer_gradient!r}: an inner optimum "
        "does not depend on rates, norms of a step or a learned rule.",
    )
    _check_held(learner, f"outer_gradient={outer_gradient!r}")


def _check_held(learner: "GradientLearner", outer: str) -> None:
    """Raise if no inner step is taken, or none is held to the initialisation."""
    require(
        learner.proximal > 0,
        f"Parameter `proximal` should be positive with {outer}: without it the optimum of the "
        "inner loss does not depend on the initialisation. Found "
        f"proximal={learner.proximal}.",
    )
    require(
        learner.inner_steps >= 1,
        f"Parameter `inner_steps` should be at least 1 with {outer}, which needs the inner "
        "optimum. Found 0.",
    )


__all__ = ["QueryLoss"]
