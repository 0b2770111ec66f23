"""Learned inner rates."""

from abc import abstractmethod

import torch
from torch import Tensor, nn

from quickstudy.bilevel import State
from quickstudy.bilevel.optimisers import Weights


class Rates(nn.ParameterList):
    """Learned inner rates, a tensor for each tensor that a task owns; all start alike."""

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
        """All rates as at the start."""
        for rate in self:
            nn.init.constant_(rate, self.start)

    @abstractmethod
    def shaped(self, value: Tensor, inner_steps: int) -> Tensor:
        """A tensor of the shape of the rates of ``value``."""

    @abstractmethod
    def of_step(self, rate: Tensor, name: str, index: int) -> Tensor:
        """What of ``rate`` step ``index`` multiplies the gradient of ``name`` by."""

    def at(self, learned: State, index: int) -> Weights:
        """The rates of step ``index`` by name, from the meta-learned ones by place."""
        places = enumerate(zip(self.names, self, strict=True))
        return {
            name: self.of_step(learned.get(str(place), own), name, index)
            for place, (name, own) in places
        }


class StepRates(Rates):
    """A rate for every tensor and step; steps beyond those in training have the last one's.

    Source: Antoniou, Edwards & Storkey 2019 (MAML++), section 4.
    """

    def shaped(self, value: Tensor, inner_steps: int) -> Tensor:
        """``[step]``."""
        return torch.empty(max(inner_steps, 1))

    def of_step(self, rate: Tensor, name: str, index: int) -> Tensor:
        """The rate of the step."""
        return rate[min(index, len(rate) - 1)]


class EntryRates(Rates):
    """A rate for every entry; those of a head whose rows start alike are their mean.

    Source: Li, Zhou, Chen & Li 2017 (Meta-SGD), eq. 2.
    """

    def shaped(self, value: Tensor, inner_steps: int) -> Tensor:
        """As the tensor."""
        return value.detach().clone()

    def of_step(self, rate: Tensor, name: str, index: int) -> Tensor:
        """All rates."""
        return rate.mean(0, keepdim=True) if name in self.alike else rate


__all__ = ["EntryRates", "Rates", "StepRates"]
