"""An outer loss at the end of an inner descent, both given as functions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from quickstudy.bilevel.optimisers import InnerOptimiser, InnerOptimiserName, Rate, Weights
from quickstudy.bilevel.optimisers import inner_optimiser as named_optimiser
from quickstudy.bilevel.outer_gradient import (
    IMPLICIT,
    OuterGradient,
    check_outer_gradient,
    solve_problem,
)
from quickstudy.bilevel.problem import InnerProblem, State, gradient, move, under
from quickstudy.errors import UserError, require

Loss = Callable[[Weights, State], Tensor]
"""Maps ``(weights, meta)`` to a scalar, or to one loss per task ``[task]``."""


class Solution(NamedTuple):
    """Hold the outer loss and the weights after the last step.

    Attributes:
        loss: The outer loss, a scalar or ``[task]``. Its gradient is the hypergradient.
        weights: The weights after the last step, without a graph. They are a good start for the
            next call.
    """

    loss: Tensor
    weights: Weights


def solve(
    inner_loss: Loss,
    outer_loss: Loss,
    meta: State,
    start: Weights,
    steps: int,
    lr: Rate,
    outer_gradient: OuterGradient = "unrolled",
    backward_steps: int = 10,
    damping: float = 0.0,
    inner_optimiser: InnerOptimiserName = "sgd",
) -> Solution:
    """Descend on the inner loss and compute the outer loss there, with its gradient.

    ``w_0 = start``, ``w_{k+1} = w_k − lr · ∇_w ℓ(w_k, θ)``, and the result is ``L(w_K, θ)``. It can
    be differentiated by ``meta``, ``start`` and ``lr``. The outer gradient is one of

    - ``"unrolled"``: by a graph through all steps. It is exact and takes the memory of all steps.
    - ``"stepwise"``: from the end, each step computed again. It is exact and takes the memory of
      one step, and of the weights after every step.
    - ``"truncated"``: by a graph through the last ``backward_steps`` steps, and their memory.
    - ``"first_order"``: with the inner gradients as constants. It takes the memory of the outer
      loss.
    - ``"implicit"``: at the optimum ``w*`` of the inner loss, ``∂L/∂θ − (∂²ℓ/∂θ∂w)ᵀ (∂²ℓ/∂w² +
      damping·I)⁻¹ ∂L/∂w``, by ``backward_steps`` steps of conjugate gradients. It takes the memory
      of one step, and is the more exact, the nearer ``w_K`` is to ``w*``.
    - ``"neumann"``: the same by ``backward_steps`` terms of the Neumann series of rate ``lr``.

    With losses ``[task]`` many problems are solved at once. Every weight then has a task axis in
    front, and the loss of a task should depend on no other task's weights.

    Args:
        inner_loss: ``ℓ(weights, meta)``. Both losses should depend on outer tensors only through
            ``meta``, not by a closure.
        outer_loss: ``L(weights, meta)``.
        meta: The outer tensors by name.
        start: The weights before the first step, by name. They may be outer too (MAML), or the last
            solution.
        steps: Inner steps.
        lr: Inner rate; as a tensor it can be learned. The implicit gradient does not depend on it.
        outer_gradient: See above.
        backward_steps: See above.
        damping: Added to the Hessian by ``"implicit"`` and ``"neumann"``, for a Hessian that is
            nearly singular.
        inner_optimiser: ``"sgd"``, ``"momentum"`` or ``"adam"``.

    Raises:
        UserError: If an argument is out of range, a loss has another shape, or the hypergradient
            would be 0 by construction.

    Example:
        >>> import torch, quickstudy as qs
        >>> decay = torch.tensor(0.5, requires_grad=True)
        >>> solution = qs.bilevel.solve(  # the inner optimum is 3 / (1 + decay) = 2
        ...     lambda w, meta: (w["w"] - 3) ** 2 + meta["decay"] * w["w"] ** 2,
        ...     lambda w, meta: w["w"] ** 2,
        ...     meta={"decay": decay}, start={"w": torch.tensor(0.0)},
        ...     steps=50, lr=0.2, outer_gradient="implicit",
        ... )
        >>> solution.loss.backward()  # 2 w · ∂w/∂decay = 2 · 2 · −3 / 1.5²
        >>> print(f"{solution.weights['w']:.3f} {decay.grad:.3f}")
        2.000 -5.333

    Source: Franceschi, Frasconi, Salzo, Grazzi & Pontil 2018, eq. 1-4 (the problem). For the outer
        gradients see :mod:`quickstudy.bilevel.unrolled`, :mod:`quickstudy.bilevel.stepwise` and
        :mod:`quickstudy.bilevel.implicit`.
    """
    check_outer_gradient(outer_gradient, backward_steps, damping)
    _check_descent(steps, lr, start)
    _check_tensors("meta", meta)
    _check_tensors("start", start)
    if outer_gradient in IMPLICIT:
        _check_implicit(outer_gradient, meta, steps, lr)
        _check_neumann(outer_gradient, inner_optimiser)
    optimiser = named_optimiser(inner_optimiser)
    problem = _Functions(inner_loss, outer_loss, lr, optimiser)
    weights = [0.0] * steps + [1.0]
    tensors = _named(meta, start, lr)
    loss, state = solve_problem(
        problem, tensors, weights, outer_gradient, backward_steps, damping, _number(lr)
    )
    return Solution(loss, {name: state[name].detach() for name in start})


META = "meta."
START = "start."
RATE = "lr"
"""Prefixes of the names of the tensors that a problem of functions depends on, and its rate."""


def _named(meta: State, start: Weights, lr: Rate) -> State:
    """Collect the tensors that the problem depends on."""
    rate = {RATE: lr} if isinstance(lr, Tensor) else {}
    outer = {f"{META}{name}": value for name, value in meta.items()}
    return outer | {f"{START}{name}": value for name, value in start.items()} | rate


@dataclass(frozen=True)
class _Functions(InnerProblem):
    """Make a problem of two functions, which depends on outer tensors, start and rate."""

    inner_loss: Loss
    outer_loss: Loss
    lr: Rate
    optimiser: InnerOptimiser

    def start(self, meta: State) -> State:
        weights = under(START, meta)
        return weights | self.optimiser.start(weights)

    def step(self, state: State, meta: State, index: int, differentiable: bool) -> State:
        outer, rate = under(META, meta), meta.get(RATE, self.lr)
        weights = _weights(state, meta)
        slopes = gradient(
            lambda weights: self._inner(weights, outer), weights, tuple(weights), differentiable
        )[1]
        return move(self.optimiser, state, tuple(weights), slopes, lambda _: rate, index)

    def objective(self, state: State, meta: State) -> Tensor:
        return self._inner(_weights(state, meta), under(META, meta))

    def losses(self, state: State, meta: State) -> Tensor:
        weights = _weights(state, meta)
        return _checked("outer_loss", self.outer_loss(weights, under(META, meta)), weights)

    def _inner(self, weights: Weights, meta: State) -> Tensor:
        return _checked("inner_loss", self.inner_loss(weights, meta), weights)


def _weights(state: State, meta: State) -> Weights:
    return {name: state[name] for name in under(START, meta)}


def _checked(name: str, value: Tensor, weights: Weights) -> Tensor:
    """Give a loss unless its shape is wrong."""
    shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
    require(
        isinstance(value, Tensor) and value.ndim <= 1,
        f"Parameter `{name}` should give a scalar tensor, or one loss per task [task]. "
        f"Found {shape}.",
    )
    if value.ndim:
        _check_task_axis(name, value, weights)
    return value


def _check_task_axis(name: str, value: Tensor, weights: Weights) -> None:
    wrong = {key: weight for key, weight in weights.items() if weight.shape[:1] != value.shape}
    for key, weight in wrong.items():
        raise UserError(
            f"If `{name}` gives one loss per task, weights should have the task axis in front. "
            f"Found {tuple(value.shape)} losses and weight {key!r} with {tuple(weight.shape)}."
        )


def _check_descent(steps: int, lr: Rate, start: Weights) -> None:
    require(steps >= 0, f"Parameter `steps` should be at least 0. Found steps={steps}.")
    require(
        not isinstance(lr, Tensor) or lr.ndim == 0,
        f"Parameter `lr` should be a number or a scalar tensor. Found {lr}.",
    )
    require(_number(lr) > 0, f"Parameter `lr` should be positive. Found lr={_number(lr)}.")
    require(
        len(start) > 0,
        "Parameter `start` should hold the weights that the inner steps change. Found none.",
    )


def _number(lr: Rate) -> float:
    return float(lr.detach() if isinstance(lr, Tensor) else lr)


def _check_tensors(name: str, tensors: State) -> None:
    for key, value in tensors.items():
        found = value.dtype if isinstance(value, Tensor) else type(value).__name__
        require(
            isinstance(value, Tensor) and value.dtype.is_floating_point,
            f"Parameter `{name}` should hold floating-point tensors by name; data belongs "
            f"into the losses. Found {key!r}: {found}.",
        )


def _check_implicit(outer_gradient: str, meta: State, steps: int, lr: Rate) -> None:
    outer = f"outer_gradient={outer_gradient!r}"
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


def _check_neumann(outer_gradient: str, inner_optimiser: str) -> None:
    require(
        outer_gradient != "neumann" or inner_optimiser == "sgd",
        "Parameter `inner_optimiser` should be 'sgd' with outer_gradient='neumann', which goes on "
        f"with its rate. Found {inner_optimiser!r}.",
    )


__all__ = ["Loss", "Solution", "solve"]
