"""The part that is the whole network."""

from torch import nn

from quickstudy.learners.parts.weights import WeightsPart


class All(WeightsPart):
    """Adapt all weights, as in MAML."""

    def names(self, model: nn.Module) -> tuple[str, ...]:
        """Return the names of all parameters."""
        return tuple(dict(model.named_parameters()))


__all__ = ["All"]
