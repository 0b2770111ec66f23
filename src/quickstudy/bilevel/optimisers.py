"""The inner loop's optimisers, as pure functions: weights and state in, weights and state out."""

from abc import ABC, abstractmethod
from typing import Literal

from torch import Tensor, zeros_like

from quickstudy.errors import require

Weights = dict[str, Tensor]
InnerOptimiserName = Literal["sgd", "momentum", "adam"]
Count = int | Tensor
"""Steps taken before; a tensor where the entries of a weight count on their own."""


class InnerOptimiser(ABC):
    """How a gradient changes the weights of a task."""

    slots: tuple[str, ...] = ()
    """The tensors it keeps for every weight, zero at the start."""

    @abstractmethod
    def step(
        self,
        weight: Tensor,
        gradient: Tensor,
        rate: Tensor | float,
        slots: tuple[Tensor, ...],
        step: Count,
    ) -> tuple[Tensor, ...]:
        """One update: the new weight followed by the new slots. ``step`` counts from 0."""

    def start(self, weights: Weights) -> Weights:
        """The state before the first step."""
        return {
            f"{slot}:{name}": zeros_like(weight)
            for name, weight in weights.items()
            for slot in self.slots
        }


class SGD(InnerOptimiser):
    """``w ← w − rate · g``."""

    def step(
        self,
        weight: Tensor,
        gradient: Tensor,
        rate: Tensor | float,
        slots: tuple[Tensor, ...],
        step: Count,
    ) -> tuple[Tensor, ...]:
        """One update."""
        return (weight - rate * gradient,)


class Momentum(InnerOptimiser):
    """``m ← 0.9 m + g``, ``w ← w − rate · m`` (Polyak's heavy ball, as torch's SGD has it)."""

    slots = ("momentum",)

    def step(
        self,
        weight: Tensor,
        gradient: Tensor,
        rate: Tensor | float,
        slots: tuple[Tensor, ...],
        step: Count,
    ) -> tuple[Tensor, ...]:
        """One update."""
        momentum = 0.9 * slots[0] + gradient
        return weight - rate * momentum, momentum


class Adam(InnerOptimiser):
    """Adam (Kingma & Ba 2015, algorithm 1), fresh for every task.

    ``m ← β₁m + (1−β₁)g``, ``v ← β₂v + (1−β₂)g²``, ``w ← w − rate · m̂ / √(v̂ + ε²)``.

    Differs from the paper: ε = 1e-8 stands under the root, as ``√v̂`` has no derivative at 0 and a
    second-order gradient through a dead unit would be NaN.

    Args:
        beta1: 0.9, or 0 as in Reptile.
    """

    slots = ("first", "second")

    def __init__(self, beta1: float = 0.9) -> None:
        self.beta1, self.beta2, self.epsilon = beta1, 0.999, 1e-8

    def step(
        self,
        weight: Tensor,
        gradient: Tensor,
        rate: Tensor | float,
        slots: tuple[Tensor, ...],
        step: Count,
    ) -> tuple[Tensor, ...]:
        """One update."""
        first = self.beta1 * slots[0] + (1 - self.beta1) * gradient
        second = self.beta2 * slots[1] + (1 - self.beta2) * gradient.square()
        unbiased_first = first / (1 - self.beta1 ** (step + 1))
        unbiased_second = second / (1 - self.beta2 ** (step + 1))
        return (
            weight - rate * unbiased_first * (unbiased_second + self.epsilon**2).rsqrt(),
            first,
            second,
        )


def inner_optimiser(name: InnerOptimiserName, beta1: float = 0.9) -> InnerOptimiser:
    """The inner optimiser of that name.

    Raises:
        UserError: If there is none.
    """
    known: dict[str, InnerOptimiser] = {"sgd": SGD(), "momentum": Momentum(), "adam": Adam(beta1)}
    require(
        name in known,
        f"Parameter `inner_optimiser` should be one of {', '.join(known)}. Found {name!r}.",
    )
    return known[name]
