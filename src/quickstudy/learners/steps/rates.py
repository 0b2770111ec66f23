"""Learned inner rates."""

from abc import abstractmethod

import torch
from torch import Tensor, nn

from quickstudy.bilevel import State
from quickstudy.bilevel.optimisers import Weights


class Rates(nn.ParameterList):
    """Learn inner rates, a tensor for each tensor that a task owns; all start alike."""

    def __init__(self) -> None:
        super().__init__()
        self.names: tuple[str, ...] = ()
        self.start = 0.0

    def attach(
        self, start: float, owned: Weights, alike: tuple[str, ...], inner_steps: int
    ) -> None:
        """Make the rates of the tensors of one task; the rows of ``alike`` start alike."""
        self.names, self.start = tuple(owned), start
        self.alike = alike
        self.extend(self.shaped(value, inner_steps) for value in owned.values())
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Put all rates back to their start."""
        for rate in self:
            nn.init.constant_(rate, self.start)

    @abstractmethod
    def shaped(self, value: Tensor, inner_steps: int) -> Tensor:
        """Make a tensor for the rates of ``value``."""

    @abstractmethod
    def of_step(self, rate: Tensor, name: str, index: int) -> Tensor:
        """Return the factor of the gradient of ``name`` in step ``index``, from its ``rate``."""

    def at(self, learned: State, index: int) -> Weights:
        """Return the rates of step ``index`` by name.

        Args:
            learned: The meta-learned rates by place; a rate that is missing is read from this
                module.
            index: The number of steps taken before.
        """
        rates: Weights = {}
        for place, (name, own) in enumerate(zip(self.names, self, strict=True)):
            rates[name] = self.of_step(learned.get(str(place), own), name, index)
        return rates


class StepRates(Rates):
    """Learn a rate for every tensor and step.

    Steps beyond those in training have the rate of the last one.

    Source: Antoniou, Edwards & Storkey 2019 (MAML++), section 4.
    """

    def shaped(self, value: Tensor, inner_steps: int) -> Tensor:
        """Make a rate for each step ``[step]``."""
        return torch.empty(max(inner_steps, 1))

    def of_step(self, rate: Tensor, name: str, index: int) -> Tensor:
        """Return the rate of the step."""
        return rate[min(index, len(rate) - 1)]


class EntryRates(Rates):
    """Learn a rate for every entry.

    In a head whose rows start alike, the rows use the mean of their rates.

    Source: Li, Zhou, Chen & Li 2017 (Meta-SGD), eq. 2.
    """

    def shaped(self, value: Tensor, inner_steps: int) -> Tensor:
        """Make a rate for each entry of the tensor."""
        return value.detach().clone()

    def of_step(self, rate: Tensor, name: str, index: int) -> Tensor:
        """Return all rates, averaged over rows that start alike."""
        return rate.mean(0, keepdim=True) if name in self.alike else rate


__all__ = ["EntryRates", "Rates", "StepRates"]
