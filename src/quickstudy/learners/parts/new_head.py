"""The part that is the whole network with a new head of zeros."""

import torch
from torch import Tensor, nn

from quickstudy.bilevel.optimisers import Weights
from quickstudy.learners.parts.part import Examples, Shared, Tasks
from quickstudy.learners.parts.weights import WeightsPart
from quickstudy.learners.tensors import without
from quickstudy.models.norm import Statistics
from quickstudy.targets import Target

HEAD = ("new_head.weight", "new_head.bias")


class NewHead(WeightsPart):
    """Adapt all weights of a network that gives embeddings, and a linear head that starts at 0.

    Args:
        embedding_size: Length of the embeddings.
    """

    def __init__(self, embedding_size: int) -> None:
        super().__init__()
        self.embedding_size, self.any_way = embedding_size, True

    def names(self, model: nn.Module) -> tuple[str, ...]:
        """Return the names of all parameters."""
        return tuple(dict(model.named_parameters()))

    def serves(self, model: nn.Module, target: Target) -> str | None:
        """Serve classes only: each has a row of the head."""
        if target.way:
            return None
        return "It was pre-trained on classes: every example should have one class."

    def start(self, shared: Shared, tasks: Tasks) -> Weights:
        """Return the shared weights for every task, with a head of zeros for its classes."""
        weights = super().start(shared, tasks)
        like = next(iter(weights.values()))
        head = self._zeros(tasks, like.dtype)
        return {**weights, HEAD[0]: head, HEAD[1]: head[..., 0]}

    def _zeros(self, tasks: Tasks, of_weights: torch.dtype) -> Tensor:
        """Make the weights ``[task, class, feature]`` of the heads, as precise as the inputs."""
        x, way = tasks.support.x, tasks.way or tasks.support.target.way or 0
        dtype = _precision(x, of_weights)
        return torch.zeros(len(x), way, self.embedding_size, dtype=dtype, device=x.device)

    def whole(self, shared: Shared, own: Weights, examples: Examples) -> tuple[Tensor, Statistics]:
        """Run the network with the task's head."""
        embedded, used = super().whole(shared, without(own, HEAD), examples)
        return embedded @ own[HEAD[0]].T + own[HEAD[1]], used


def _precision(x: Tensor, of_weights: torch.dtype) -> torch.dtype:
    return x.dtype if x.is_floating_point() else of_weights


__all__ = ["NewHead"]
