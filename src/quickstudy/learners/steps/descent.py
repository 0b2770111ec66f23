"""Gradient descent by an optimiser, with a rate that is given or learned."""

import torch
from torch import Tensor, nn

from quickstudy.bilevel import State
from quickstudy.bilevel.optimisers import InnerOptimiserName, Weights
from quickstudy.bilevel.optimisers import inner_optimiser as optimiser_named
from quickstudy.bilevel.problem import move, under
from quickstudy.episode import Batch
from quickstudy.errors import require
from quickstudy.learners.parts.part import Part
from quickstudy.learners.steps.norms import StepNorms
from quickstudy.learners.steps.rates import Rates
from quickstudy.learners.steps.step_rule import Slope, StepRule
from quickstudy.learners.tensors import real_first, rows_at, without


class Descent(StepRule):
    """Step down the support loss by an optimiser.

    Plain gradient descent is ``w ← w − rate · g``.

    Args:
        inner_lr: The rate, or the initial value of learned rates.
        inner_optimiser: ``"sgd"``, ``"momentum"`` or ``"adam"``.
        rates: Rates that are learned.
        norms: Scale and shift of the batch norms for each step, which are learned and do not adapt.
        batch_size: The number of support examples that a step uses: the next ones in turn, from the
            first one again after the last; None uses all of them.
        beta1: ``β₁`` of Adam.

    Raises:
        UserError: If an argument is out of range.
    """

    def __init__(
        self,
        inner_lr: float,
        inner_optimiser: InnerOptimiserName = "sgd",
        rates: Rates | None = None,
        norms: StepNorms | None = None,
        batch_size: int | None = None,
        beta1: float = 0.9,
    ) -> None:
        super().__init__(inner_lr)
        _check_batch_size(batch_size)
        self.rates, self.norms = rates, norms
        self.inner_optimiser, self.beta1 = inner_optimiser, beta1
        self.batch_size = batch_size
        self.optimiser = optimiser_named(inner_optimiser, beta1)
        self.learns = rates is not None or norms is not None
        self.by_step = norms is not None

    def attach(self, model: nn.Module, part: Part, inner_steps: int) -> None:
        """Make the learned rates and norms."""
        if self.norms is not None:
            self.norms.attach(model, inner_steps)
        if self.rates is not None:
            owned = self._moving(part.owned(model))
            self.rates.attach(self.inner_lr, owned, _alike(part), inner_steps)

    def _moving(self, owned: Weights) -> Weights:
        """Return the tensors of ``owned`` that steps move, which norms of each step are not."""
        return without(owned, () if self.norms is None else self.norms.names)

    def slots(self, weights: Weights, learned: State) -> State:
        """Return the optimiser's slots, which start at zero."""
        return self.optimiser.start(weights)

    def step(
        self, state: State, names: tuple[str, ...], slope: Slope, learned: State, index: int
    ) -> State:
        """Take one step of the optimiser."""
        rates = self._rates(learned, index)

        def rate(name: str) -> Tensor | float:
            return rates.get(name, self.inner_lr)

        return move(self.optimiser, state, names, slope.gradients, rate, index)

    def _rates(self, learned: State, index: int) -> Weights:
        """Return the learned rates of step ``index`` by name; the others are ``inner_lr``."""
        return {} if self.rates is None else self.rates.at(under("rates.", learned), index)

    def scheduled(self, weights: State, learned: State, index: int) -> Weights:
        """Return the batch norms' scale and shift after ``index`` steps, if learned for each."""
        norms = self.norms
        return {} if norms is None else norms.after(weights, under("norms.", learned), index)

    def rows(self, support: Batch, index: int) -> Batch:
        """Take the next ``batch_size`` examples in turn."""
        size = self.batch_size
        if size is None or size >= support.x.shape[1]:
            return support
        return rows_at(support, places_in_turn(support.mask, size, index))


def _alike(part: Part) -> tuple[str, ...]:
    """Return the tensors of ``part`` whose rows have the same rates: a head of any way."""
    return part.head if part.any_way else ()


def _check_batch_size(batch_size: int | None) -> None:
    """Raise if a step would use no example."""
    require(
        batch_size is None or batch_size >= 1,
        f"Parameter `inner_batch_size` should be at least 1. Found inner_batch_size={batch_size}.",
    )


def places_in_turn(mask: Tensor, size: int, index: int) -> Tensor:
    """Return the places of the real examples whose turn is at step ``index``.

    If a task has no more than ``size`` examples, its places are all of them and then padding.

    Args:
        mask: Which examples are real ``[task, example]``.
        size: The number of examples that a step uses.
        index: The number of steps taken before.

    Returns:
        Places among the examples ``[task, size]``.
    """
    count = mask.sum(1, keepdim=True).long()
    return real_first(mask).gather(1, _turn(count, size, index))


def _turn(count: Tensor, size: int, index: int) -> Tensor:
    """Return the turn ``[task, size]`` of step ``index`` among ``count`` ``[task, 1]`` examples."""
    first = torch.arange(size, device=count.device)
    return torch.where(count <= size, first, (first + index * size) % count.clamp(min=1))


__all__ = ["Descent"]
