"""The query loss after the inner steps, by any way to its gradient."""

from typing import TYPE_CHECKING, Self

from torch import Tensor

from quickstudy.bilevel import OuterGradient, State
from quickstudy.bilevel.outer_gradient import IMPLICIT, check_outer_gradient, solve_problem
from quickstudy.episode import Episode
from quickstudy.errors import require
from quickstudy.learners.inner_loop import InnerLoop
from quickstudy.learners.outer.outer import Outer

if TYPE_CHECKING:
    from quickstudy.learners.gradient import GradientLearner


class QueryLoss(Outer):
    """``L_query(w_K)``, or a mean of the query losses after several steps.

    Args:
        outer_gradient: ``"unrolled"``, ``"stepwise"``, ``"truncated"``, ``"first_order"``,
            ``"implicit"`` or ``"neumann"``, see :func:`quickstudy.bilevel.solve`.
        backward_steps: The last steps of ``"truncated"``; steps of conjugate gradients; terms of
            the Neumann series.
        damping: Added to the Hessian of the implicit ways.
        multi_step: Take the mean of the query losses after each of the inner steps.
        multi_step_until: Let the weights of the steps' losses go linearly from equal to the last
            one alone, by this outer step.
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
        limits = {"multi_step_until": multi_step_until, "first_order_until": first_order_until}
        for name, until in limits.items():
            require(
                until is None or until >= 0,
                f"Parameter `{name}` should be at least 0. Found {name}={until}.",
            )
        require(
            multi_step_until is None or multi_step,
            "Parameter `multi_step_until` goes with multi_step_loss=True only.",
        )
        self.outer_gradient: OuterGradient = outer_gradient
        self.keeps_states = outer_gradient == "stepwise"
        self.backward_steps, self.damping = backward_steps, damping
        self.multi_step, self.multi_step_until = multi_step, multi_step_until
        self.first_order_until = first_order_until

    @classmethod
    def explicit(cls, outer_gradient: OuterGradient) -> Self:
        """One whose way needs no other option.

        Raises:
            UserError: If ``outer_gradient`` is another.
        """
        ways = ("unrolled", "stepwise", "first_order")
        require(
            outer_gradient in ways,
            f"Parameter `outer_gradient` should be one of {', '.join(ways)}. Found "
            f"{outer_gradient!r}.",
        )
        return cls(outer_gradient)

    def check(self, learner: "GradientLearner") -> None:
        """Raise if there is no implicit gradient of the learner's inner loop, with the reason."""
        if self.outer_gradient not in IMPLICIT:
            return
        outer = f"outer_gradient={self.outer_gradient!r}"
        require(
            not learner.step.learns,
            f"Parameter `outer_gradient` should not be {self.outer_gradient!r}: an inner optimum "
            "does not depend on rates, norms of a step or a learned rule.",
        )
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
        require(
            not self.multi_step,
            f"Parameter `multi_step_loss` should be False with {outer}: it is that of the optimum "
            "alone. Found True.",
        )
        require(
            self.outer_gradient != "neumann" or learner.step.inner_optimiser == "sgd",
            f"Parameter `inner_optimiser` should be 'sgd' with {outer}, which goes on with its "
            f"rate. Found {learner.step.inner_optimiser!r}.",
        )

    def losses(self, learner: "GradientLearner", meta: State, episodes: Episode) -> Tensor:
        """The query loss of every task after adapting ``[task]``."""
        step = episodes.moment.step
        early = step < self.first_order_until
        which: OuterGradient = "first_order" if early else self.outer_gradient
        weights = self.step_weights(learner.inner_steps, step)

        def solved(loop: InnerLoop, tensors: State) -> Tensor:
            return solve_problem(
                loop,
                tensors,
                weights,
                which,
                self.backward_steps,
                self.damping,
                learner.step.inner_lr,
            )[0]

        return learner.over_loops(meta, episodes, solved, which == "stepwise")

    def step_weights(self, inner_steps: int, outer_step: int) -> list[float]:
        """The weight of the query loss after 0, 1, … ``inner_steps`` steps."""
        steps, until = inner_steps, self.multi_step_until
        if not (self.multi_step and steps):
            return [0.0] * steps + [1.0]
        alike = 1.0
        if until is not None:
            alike = max(0.0, 1 - outer_step / until) if until else 0.0
        return [0.0] + [alike / steps] * (steps - 1) + [1 - alike * (steps - 1) / steps]

    def uncompiled(self) -> str | None:
        """Only a graph of steps is compiled, and only one that stays the same."""
        if self.outer_gradient not in ("unrolled", "truncated", "first_order"):
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


__all__ = ["QueryLoss"]
