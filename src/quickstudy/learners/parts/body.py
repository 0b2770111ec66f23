"""All but the head of the network is the task's own."""

from torch import nn

from quickstudy.errors import require
from quickstudy.learners.head import head_parameters
from quickstudy.learners.parts.weights import WeightsPart


class Body(WeightsPart):
    """All weights below the last linear layer adapt, as in BOIL."""

    def names(self, model: nn.Module) -> tuple[str, ...]:
        """All names but the head's."""
        head = head_parameters(model)
        names = tuple(name for name, _ in model.named_parameters() if name not in head)
        require(len(names) > 0, "The model should have weights below its head. Found none.")
        return names


__all__ = ["Body"]
