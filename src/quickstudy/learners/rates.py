"""Learned inner rates."""

from collections.abc import Iterable

from torch import Tensor, nn

RATE = "rate."
"""In front of a parameter's name: its learned rates."""


class Rates(nn.ParameterList):
    """Learned inner rates, one tensor for each of the parameters ``names``, that all start from ``start``."""

    def __init__(self, start: float, names: Iterable[str], like: Iterable[Tensor]) -> None:
        super().__init__(tensor.detach().clone() for tensor in like)
        self.start, self.names = start, tuple(names)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """All rates as at the start."""
        for rate in self:
            nn.init.constant_(rate, self.start)

    def by_name(self) -> dict[str, Tensor]:
        """The rates as meta-learned tensors, by the name of their parameter behind ``RATE``."""
        return {RATE + name: rate for name, rate in zip(self.names, self, strict=True)}


__all__ = ["RATE", "Rates"]
