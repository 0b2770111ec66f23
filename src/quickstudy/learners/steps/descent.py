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


class Descent(StepRule):
    """``w ← w − rate · g``, or the step of another optimiser, on the support loss.

    Args:
        inner_lr: The rate, or where learned rates start.
        inner_optimiser: ``"sgd"``, ``"momentum"`` or ``"adam"``.
        rates: Rates that are learned.
        norms: Scale and shift of the batch norms for each step, which are learned and do not adapt.
        batch_size: Support examples a step uses, the next ones in turn and from the start again at
            the end; None uses all of them.
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
        require(
            batch_size is None or batch_size >= 1,
            "Parameter `inner_batch_size` should be at least 1. Found "
            f"inner_batch_size={batch_size}.",
        )
        self.rates, self.norms = rates, norms
        self.batch_size = batch_size
        self.inner_optimiser = inner_optimiser
        self.beta1 = beta1
        self.optimiser = optimiser_named(inner_optimiser, beta1)
        self.learns = rates is not None or norms is not None
        self.by_step = norms is not None

    def attach(self, model: nn.Module, part: Part, inner_steps: int) -> None:
        """Make the learned rates and norms."""
        if self.norms is not None:
            self.norms.attach(model, inner_steps)
        if self.rates is not None:
            still = () if self.norms is None else self.norms.names
            owned = {n: value for n, value in part.owned(model).items() if n not in still}
            alike = part.head if part.any_way else ()
            self.rates.attach(self.inner_lr, owned, alike, inner_steps)

    def slots(self, weights: Weights, learned: State) -> State:
        """Zeros for all that the optimiser remembers."""
        return self.optimiser.start(weights)

    def step(
        self, state: State, names: tuple[str, ...], slope: Slope, learned: State, index: int
    ) -> State:
        """One step of the optimiser."""
        rates: Weights = {}
        if self.rates is not None:
            rates = self.rates.at(under("rates.", learned), index)

        def rate(name: str) -> Tensor | float:
            return rates.get(name, self.inner_lr)

        return move(self.optimiser, state, names, slope.gradients, rate, index)

    def scheduled(self, weights: State, learned: State, index: int) -> Weights:
        """The batch norms' scale and shift after ``index`` steps, if each step has its own."""
        return (
            {} if self.norms is None else self.norms.after(weights, under("norms.", learned), index)
        )

    def rows(self, support: Batch, index: int) -> Batch:
        """The next ``batch_size`` examples in turn."""
        size = self.batch_size
        if size is None or size >= support.x.shape[1]:
            return support
        at = places_in_turn(support.mask, size, index)
        rows = (torch.arange(support.num_tasks, device=at.device).unsqueeze(1), at)
        return support.each(lambda values: values[rows])


def places_in_turn(mask: Tensor, size: int, index: int) -> Tensor:
    """The places ``[task, size]`` of the real examples that come in turn at step ``index``.

    If a task has no more than ``size``, they are all of them and then padding.
    """
    first = torch.arange(size, device=mask.device)
    count = mask.sum(1, keepdim=True).long()
    at = torch.where(count <= size, first, (first + index * size) % count.clamp(min=1))
    real_first = (mask == 0).long().argsort(dim=1, stable=True)
    return real_first.gather(1, at)


__all__ = ["Descent"]
