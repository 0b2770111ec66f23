"""An outer loss at the end of an inner descent, both functions of one's own, to be differentiated by what is outer."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from quickstudy.bilevel.optimisers import InnerOptimiserName, Weights, inner_optimiser
from quickstudy.bilevel.problem import InnerProblem, State, descend, under
from quickstudy.bilevel.ways import IMPLICIT, OuterGradient, check_way, solve_problem
from quickstudy.errors import require

Loss = Callable[[Weights, State], Tensor]
"""``(weights, meta)`` to a scalar, or to one loss per task ``[task]``."""


class Solution(NamedTuple):
    """What :func:`solve` gives.

    Attributes:
        loss: The outer loss, a scalar or ``[task]``; its gradient is the hypergradient.
        weights: The weights after the last step, without a graph; a good start for the next time.
    """

    loss: Tensor
    weights: Weights


def solve(
    inner_loss: Loss,
    outer_loss: Loss,
    meta: State,
    start: Weights,
    steps: int,
    lr: float | Tensor,
    outer_gradient: OuterGradient = "unrolled",
    backward_steps: int = 10,
    damping: float = 0.0,
    inner_optimiser: InnerOptimiserName = "sgd",
) -> Solution:
    """Descend on the inner loss and give the outer loss there, differentiable with respect to
    ``meta``, ``start`` and ``lr``.

    ``w_0 = start``, ``w_{k+1} = w_k − lr · ∇_w ℓ(w_k, θ)``, and the result is ``L(w_K, θ)``. Its
    gradient is obtained

    ================= ======================================================= ============================
    ``"unrolled"``    by a graph through all steps: exact                     memory of all steps
    ``"stepwise"``    from the end, each step computed again: exact           of one step, and every
    weight ``"truncated"``   by a graph through the last ``backward_steps``          of these
    ``"first_order"`` with the inner gradients as constants                   of the outer loss
    ``"implicit"``    at the optimum ``w*`` of the inner loss:                of one step
                      ``∂L/∂θ − (∂²ℓ/∂θ∂w)ᵀ (∂²ℓ/∂w² + damping·I)⁻¹ ∂L/∂w``,
                      by ``backward_steps`` of conjugate gradients
    ``"neumann"``     the same, by so many terms of the Neumann series of     of one step
                      rate ``lr``; both are as good as ``w_K`` is near ``w*``
    ================= ======================================================= ============================

    With losses ``[task]`` many problems are solved at once; every weight then has a task axis in
    front, and task ``t`` of a loss should depend on no other task's weights.

    Args:
        inner_loss: ``ℓ(weights, meta)``. Both losses depend on what is outer through ``meta``
            alone, not by a closure.
        outer_loss: ``L(weights, meta)``.
        meta: The outer tensors by name.
        start: The weights before the first step, by name. They may be outer too (MAML), or the last
            solution.
        steps: Inner steps.
        lr: Inner rate; as a tensor it can be learned. The implicit gradient does not depend on it.
        outer_gradient: See above.
        backward_steps: See above.
        damping: Added to the Hessian by ``"implicit"`` and ``"neumann"``, where it is nearly
            singular.
        inner_optimiser: ``"sgd"``, ``"momentum"`` or ``"adam"``.

    Raises:
        UserError: If an argument is out of range, a loss has another shape, or the hypergradient
            would be 0 by construction.

    Example:
        >>> import torch, quickstudy as qs
        >>> decay = torch.tensor(0.5, requires_grad=True)
        >>> solution = qs.bilevel.solve(
        ...     # its optimum is 3 / (1 + decay) = 2
        ...     lambda w, meta: (w["w"] - 3) ** 2 + meta["decay"] * w["w"] ** 2,
        ...     lambda w, meta: w["w"] ** 2,
        ...     {"decay": decay}, {"w": torch.tensor(0.0)}, steps=50, lr=0.2, outer_gradient="implicit",
        ... )
        >>> solution.loss.backward()  # 2 w · ∂w/∂decay = 2 · 2 · −3 / 1.5²
        >>> print(f"{solution.weights['w']:.3f} {decay.grad:.3f}")
        2.000 -5.333

    Source: Franceschi, Frasconi, Salzo, Grazzi & Pontil 2018, eq. 1-4 (the problem); see
        :mod:`quickstudy.bilevel.unrolled`,
    :mod:`quickstudy.bilevel.stepwise` and :mod:`quickstudy.bilevel.implicit` for the ways.
    """
    check_way(outer_gradient, backward_steps, damping)
    require(steps >= 0, f"Parameter `steps` should be at least 0. Found steps={steps}.")
    require(
        not isinstance(lr, Tensor) or lr.ndim == 0,
        f"Parameter `lr` should be a number or a scalar tensor. Found {lr}.",
    )
    rate = float(lr.detach() if isinstance(lr, Tensor) else lr)
    require(rate > 0, f"Parameter `lr` should be positive. Found lr={rate}.")
    _check_tensors("meta", meta)
    _check_tensors("start", start)
    require(
        len(start) > 0,
        "Parameter `start` should hold the weights that the inner steps change. Found none.",
    )
    if outer_gradient in IMPLICIT:
        _check_implicit(outer_gradient, meta, steps, lr, inner_optimiser)
    problem = _Functions(inner_loss, outer_loss, lr, inner_optimiser)
    tensors = {f"{META}{name}": value for name, value in meta.items()} | {
        f"{START}{name}": value for name, value in start.items()
    }
    if isinstance(lr, Tensor):
        tensors[RATE] = lr
    weights = [0.0] * steps + [1.0]
    loss, state = solve_problem(
        problem, tensors, weights, outer_gradient, backward_steps, damping, rate
    )
    return Solution(loss, {name: state[name].detach() for name in start})


META, START, RATE = "meta.", "start.", "lr"
"""In front of the names of what a problem of functions depends on."""


class _Functions(InnerProblem):
    """Two functions as a problem; what it depends on are the outer tensors, the start and the rate."""

    def __init__(
        self, inner_loss: Loss, outer_loss: Loss, lr: float | Tensor, optimiser: InnerOptimiserName
    ) -> None:
        self.inner_loss, self.outer_loss, self.lr, self.optimiser = (
            inner_loss,
            outer_loss,
            lr,
            inner_optimiser(optimiser),
        )

    def start(self, meta: State) -> State:
        weights = under(START, meta)
        return weights | self.optimiser.start(weights)

    def step(self, state: State, meta: State, index: int, differentiable: bool) -> State:
        names, own = tuple(under(START, meta)), under(META, meta)
        objective, rate = (
            lambda weights: self._evaluate("inner_loss", weights, own),
            meta.get(RATE, self.lr),
        )
        return descend(
            objective, state, names, self.optimiser, lambda _: rate, index, differentiable
        )

    def objective(self, state: State, meta: State) -> Tensor:
        return self._evaluate(
            "inner_loss", {name: state[name] for name in under(START, meta)}, under(META, meta)
        )

    def losses(self, state: State, meta: State) -> Tensor:
        return self._evaluate(
            "outer_loss", {name: state[name] for name in under(START, meta)}, under(META, meta)
        )

    def _evaluate(self, which: str, weights: Weights, meta: State) -> Tensor:
        value = (
            self.inner_loss(weights, meta)
            if which == "inner_loss"
            else self.outer_loss(weights, meta)
        )
        shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        require(
            isinstance(value, Tensor) and value.ndim <= 1,
            f"Parameter `{which}` should give a scalar tensor, or one loss per task [task]. "
            f"Found {shape}.",
        )
        first = {name: tuple(weight.shape[:1]) for name, weight in weights.items()}
        wrong = [name for name, size in first.items() if value.ndim and size != tuple(value.shape)]
        require(
            not wrong,
            f"Where `{which}` gives one loss per task, weights should have the task axis in "
            f"front. Found {shape} losses "
            f"and weight {next(iter(wrong), '')!r} with "
            f"{tuple(weights[wrong[0]].shape) if wrong else ''}.",
        )
        return value


def _check_tensors(name: str, tensors: State) -> None:
    for key, value in tensors.items():
        found = value.dtype if isinstance(value, Tensor) else type(value).__name__
        require(
            isinstance(value, Tensor) and value.dtype.is_floating_point,
            f"Parameter `{name}` should hold floating-point tensors by name; data belongs "
            f"into the losses. Found {key!r}: {found}.",
        )


def _check_implicit(
    which: str, meta: State, steps: int, lr: float | Tensor, inner_optimiser: str
) -> None:
    outer = f"outer_gradient={which!r}"
    require(
        steps >= 1,
        f"Parameter `steps` should be at least 1 with {outer}, which differentiates the inner "
        "optimum. Found steps=0.",
    )
    require(
        any(value.requires_grad for value in meta.values()) or not torch.is_grad_enabled(),
        f"Parameter `meta` should hold a tensor with requires_grad=True with {outer}: the "
        "optimum does not depend on `start`. Found none.",
    )
    require(
        not (isinstance(lr, Tensor) and lr.requires_grad),
        f"Parameter `lr` should not require a gradient with {outer}: the optimum does not "
        "depend on it, so it would be 0.",
    )
    require(
        which != "neumann" or inner_optimiser == "sgd",
        f"Parameter `inner_optimiser` should be 'sgd' with {outer}, which goes on with its "
        f"rate. Found {inner_optimiser!r}.",
    )
