"""The part that is the head of the network."""

from torch import Tensor, nn

from quickstudy.bilevel.optimisers import Weights
from quickstudy.learners.head import apply_head, head_parameters, own_head, without_head
from quickstudy.learners.parts.part import Examples, Shared, Tasks
from quickstudy.learners.parts.weights import WeightsPart
from quickstudy.learners.tensors import without
from quickstudy.models.norm import Statistics, forward


class Head(WeightsPart):
    """Adapt the last linear layer, as in ANIL; the features below it are computed once."""

    lifted = True

    def names(self, model: nn.Module) -> tuple[str, ...]:
        """Return the names of weight and bias."""
        return head_parameters(model)

    def attach(self, model: nn.Module) -> None:
        """Find the head, which is treated separately for every ``head_start``."""
        super().attach(model)
        self.head = self.names(model)

    def features(self, shared: Shared, weights: Weights, tasks: Tasks) -> Tensor:
        """Return the support inputs, which are features already."""
        return tasks.support.x

    def below(self, shared: Shared, examples: Examples) -> tuple[Tensor, Statistics]:
        """Return the features ``[example, feature]``."""
        with without_head(shared.model, self.head):
            return forward(shared.model, without(shared.weights, self.head), *examples)

    def above(self, shared: Shared, own: Weights, examples: Examples) -> tuple[Tensor, Statistics]:
        """Apply the head to the features."""
        # a frozen parameter is the model's
        every = own_head(shared.model, self.head) | own
        return apply_head({name: every[name] for name in self.head}, examples.x), ()


__all__ = ["Head"]
