"""Inputs, their bends at knots, and their products: the features of curves and interactions."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from quickstudy.errors import require, require_at_least
from quickstudy.models.powers import WITHIN
from quickstudy.models.protocol import Gives

Knots = tuple[tuple[float, ...], ...]
Pairs = tuple[tuple[int, int], ...]


class Expansion(nn.Module):
    """Give inputs, their bends at knots, and products of pairs of them, with nothing to learn.

    The features of ``x`` are ``x``, then ``max(0, x_j − k)`` for the knots ``k`` of every input,
    then ``x_i x_j`` for every pair. A sum of these is a piecewise linear curve of an input, with
    bends at its knots; a pair of an input with itself is a square. Inputs should be scaled (mean 0,
    standard deviation 1). They are clamped to ±4.

    Args:
        inputs: Length of the flattened input.
        knots: The knots of every input; none by default.
        products: Pairs of places of inputs.

    Raises:
        UserError: If there are no inputs, ``knots`` has not an entry for each input, or a place in
            ``products`` is not the place of an input.

    Source: Friedman 1991, section 3.1, for bends as a basis (linear splines).

    Example:
        >>> import torch, quickstudy as qs
        >>> model = qs.models.Expansion(2, knots=((0.5,), ()), products=((0, 1),))
        >>> model(torch.tensor([[1.0, -3.0]]))
        tensor([[ 1.0000, -3.0000,  0.5000, -3.0000]])
    """

    takes: ClassVar = "vectors"
    can_give: ClassVar[tuple[Gives, ...]] = ("embeddings",)
    gives: ClassVar[Gives] = "embeddings"

    def __init__(self, inputs: int, knots: Knots = (), products: Pairs = ()) -> None:
        super().__init__()
        require_at_least(1, inputs=inputs)
        self.inputs = inputs
        self.knots = tuple(tuple(own) for own in knots)
        self.products = tuple((first, second) for first, second in products)
        require(
            len(self.knots) in (0, inputs),
            f"Parameter `knots` should have those of all {inputs} inputs. Found {len(self.knots)}.",
        )
        places = [place for pair in self.products for place in pair]
        require(
            all(0 <= place < inputs for place in places),
            f"Parameter `products` should hold places below {inputs}. Found {self.products}.",
        )
        self.embedding_size = inputs + sum(map(len, self.knots)) + len(self.products)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[example, *feature]`` to the features of each ``[example, feature]``."""
        within = x.flatten(1).clamp(-WITHIN, WITHIN)
        return torch.cat([within, *self._bends(within), *self._products(within)], 1)

    def _bends(self, x: Tensor) -> list[Tensor]:
        """Give the bends of every input that has knots, ``[example, knot]`` each."""
        own = enumerate(self.knots)
        return [(x[:, [place]] - x.new_tensor(knots)).relu() for place, knots in own if knots]

    def _products(self, x: Tensor) -> list[Tensor]:
        """Give all products ``[example, pair]``, if there are any."""
        if not self.products:
            return []
        first, second = (list(places) for places in zip(*self.products, strict=True))
        return [x[:, first] * x[:, second]]


__all__ = ["Expansion"]
