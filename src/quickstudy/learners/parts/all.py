"""The whole network is the task's own."""

from torch import nn

from quickstudy.learners.parts.weights import WeightsPart


class All(WeightsPart):
    """All weights adapt, as in MAML."""

    def names(self, model: nn.Module) -> tuple[str, ...]:
        """All names."""
        return tuple(name for name, _ in model.named_parameters())


__all__ = ["All"]
