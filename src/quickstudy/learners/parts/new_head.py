"""The whole network and a new head of zeros are the task's own."""

from torch import Tensor, nn, zeros

from quickstudy.bilevel.optimisers import Weights
from quickstudy.learners.parts.part import Examples, Shared, Tasks
from quickstudy.learners.parts.weights import WeightsPart
from quickstudy.models.norm import Statistics
from quickstudy.targets import Target

HEAD = ("new_head.weight", "new_head.bias")


class NewHead(WeightsPart):
    """All weights of a network that gives embeddings, and a linear head that starts at 0.

    Args:
        embedding_size: Length of the embeddings.
    """

    def __init__(self, embedding_size: int) -> None:
        super().__init__()
        self.embedding_size, self.any_way = embedding_size, True

    def names(self, model: nn.Module) -> tuple[str, ...]:
        """All names."""
        return tuple(name for name, _ in model.named_parameters())

    def serves(self, model: nn.Module, target: Target) -> str | None:
        """Classes only, a row of the head each."""
        if target.way:
            return None
        return "It was pre-trained on classes: every example should have one class."

    def start(self, shared: Shared, tasks: Tasks) -> Weights:
        """The shared weights of every task, and a head of zeros, an output a class."""
        weights, support = super().start(shared, tasks), tasks.support
        way = tasks.way or support.target.way or 0
        dtype = (
            support.x.dtype if support.x.is_floating_point() else next(iter(weights.values())).dtype
        )
        shape = (support.num_tasks, way, self.embedding_size)
        head = zeros(shape, dtype=dtype, device=support.x.device)
        return {**weights, HEAD[0]: head, HEAD[1]: head[..., 0]}

    def whole(self, shared: Shared, own: Weights, examples: Examples) -> tuple[Tensor, Statistics]:
        """The network with the task's own head."""
        body = {name: value for name, value in own.items() if name not in HEAD}
        embedded, used = super().whole(shared, body, examples)
        return embedded @ own[HEAD[0]].T + own[HEAD[1]], used


__all__ = ["NewHead"]
