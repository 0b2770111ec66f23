"""The inner loop's optimisers, as pure functions: weights and state in, weights and state out."""

from abc import ABC, abstractmethod
from typing import Literal

from torch import Tensor, zeros_like

from quickstudy.errors import require

Weights = dict[str, Tensor]
InnerOptimiserName = Literal["sgd", "momentum", "adam"]
Rate = Tensor | float
Slots = tuple[Tensor, ...]
"""The tensors that an optimiser keeps for one weight."""
Count = int | Tensor
"""The number of steps taken before; a tensor if the entries of a weight count by themselves."""


class InnerOptimiser(ABC):
    """Change the weights of a task by a gradient."""

    slots: tuple[str, ...] = ()
    """The names of the tensors that it keeps for every weight. They start at zero."""

    @abstractmethod
    def step(
        self, weight: Tensor, gradient: Tensor, rate: Rate, slots: Slots, step: Count
    ) -> Slots:
        """Take one step: give the new weight, followed by the new slots.

        Args:
            weight: The weight, of any shape.
            gradient: Its gradient, of the same shape.
            rate: The learning rate, a number or a tensor that broadcasts.
            slots: The tensors kept so far, in the order of :attr:`slots`.
            step: The number of steps taken before.
        """

    def start(self, weights: Weights) -> Weights:
        """Give the slots before the first step, by ``slot:name``."""
        return {
            slot: zeros_like(weight)
            for name, weight in weights.items()
            for slot in self.names_of(name)
        }

    def names_of(self, weight: str) -> list[str]:
        """Give the names in a state of the slots of a weight."""
        return [f"{slot}:{weight}" for slot in self.slots]


class SGD(InnerOptimiser):
    """Step by gradient descent.

    ``w ← w − rate · g``.
    """

    def step(
        self, weight: Tensor, gradient: Tensor, rate: Rate, slots: Slots, step: Count
    ) -> Slots:
        """Take one step."""
        return (weight - rate * gradient,)


class Momentum(InnerOptimiser):
    """Step by Polyak's heavy ball, as torch's SGD does.

    ``m ← 0.9 m + g``, ``w ← w − rate · m``.
    """

    slots = ("momentum",)

    def step(
        self, weight: Tensor, gradient: Tensor, rate: Rate, slots: Slots, step: Count
    ) -> Slots:
        """Take one step."""
        momentum = 0.9 * slots[0] + gradient
        return weight - rate * momentum, momentum


class Adam(InnerOptimiser):
    """Step by Adam, with a separate memory for every task.

    ``m ← β₁m + (1−β₁)g``, ``v ← β₂v + (1−β₂)g²``, ``w ← w − rate · m̂ / √(v̂ + ε²)``.

    Args:
        beta1: 0.9, or 0 as in Reptile.

    Source: Kingma & Ba 2015, algorithm 1. Differs from the paper: ε = 1e-8 stands under the root.
        ``√v̂`` has no derivative at 0, so a second-order gradient through a dead unit would be NaN.
    """

    slots = ("first", "second")
    beta2 = 0.999
    epsilon = 1e-8

    def __init__(self, beta1: float = 0.9) -> None:
        self.beta1 = beta1

    def step(
        self, weight: Tensor, gradient: Tensor, rate: Rate, slots: Slots, step: Count
    ) -> Slots:
        """Take one step."""
        first = self.beta1 * slots[0] + (1 - self.beta1) * gradient
        second = self.beta2 * slots[1] + (1 - self.beta2) * gradient.square()
        square = second / (1 - self.beta2 ** (step + 1)) + self.epsilon**2
        direction = first / (1 - self.beta1 ** (step + 1))
        return weight - rate * direction * square.rsqrt(), first, second


def inner_optimiser(name: InnerOptimiserName, beta1: float = 0.9) -> InnerOptimiser:
    """Give the inner optimiser called ``name``.

    Args:
        name: ``"sgd"``, ``"momentum"`` or ``"adam"``.
        beta1: ``β₁`` of Adam.

    Raises:
        UserError: If there is no such optimiser.
    """
    known: dict[str, InnerOptimiser] = {"sgd": SGD(), "momentum": Momentum(), "adam": Adam(beta1)}
    require(
        name in known,
        f"Parameter `inner_optimiser` should be one of {', '.join(known)}. Found {name!r}.",
    )
    return known[name]


__all__ = ["Adam", "InnerOptimiser", "InnerOptimiserName", "Rate", "Weights", "inner_optimiser"]
