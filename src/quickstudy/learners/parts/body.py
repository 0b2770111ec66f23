"""The part that is the network without its head."""

from torch import nn

from quickstudy.errors import require
from quickstudy.learners.head import head_parameters
from quickstudy.learners.parts.weights import WeightsPart


class Body(WeightsPart):
    """Adapt all weights below the last linear layer, as in BOIL."""

    def names(self, model: nn.Module) -> tuple[str, ...]:
        """Return the names of all parameters that are not the head's."""
        head = head_parameters(model)
        names = tuple(name for name, _ in model.named_parameters() if name not in head)
        require(len(names) > 0, "The model should have weights below its head. Found none.")
        return names


__all__ = ["Body"]
