"""The abstract parent of parts that are some weights of the network."""

from abc import abstractmethod
from typing import Literal

from torch import Tensor, nn

from quickstudy.bilevel import State
from quickstudy.bilevel.optimisers import Weights
from quickstudy.errors import require
from quickstudy.learners.head import (
    head_parameters,
    prototype_head,
    shared_head,
    without_head,
)
from quickstudy.learners.mapping import over_tasks
from quickstudy.learners.parts.part import Part, Shared, Tasks
from quickstudy.learners.tensors import for_every_task, without
from quickstudy.models.norm import forward
from quickstudy.targets import Target

HeadStart = Literal["learned", "mean", "prototypes"]


class WeightsPart(Part):
    """Adapt some weights of the network, which start from the meta-learned ones.

    Frozen parameters (``requires_grad=False``) stay out.

    Args:
        head_start: The start of the last linear layer in classification: as it is learned; every
            row from the mean of the rows (:func:`~quickstudy.learners.head.shared_head`); or as the
            nearest-prototype classifier (:func:`~quickstudy.learners.head.prototype_head`). The
            last two serve any way.
    """

    def __init__(self, head_start: HeadStart = "learned") -> None:
        super().__init__()
        self.head_start = head_start
        self.any_way = head_start != "learned"
        self.rows_alike = head_start == "mean"

    @abstractmethod
    def names(self, model: nn.Module) -> tuple[str, ...]:
        """Return the names of the parameters that a task owns."""

    def attach(self, model: nn.Module) -> None:
        """Find the weights, and the head unless it starts as it is learned."""
        self._names = frozenset(self.names(model))
        self.head = () if self.head_start == "learned" else head_parameters(model)
        self._check_start()

    def _check_start(self) -> None:
        """Raise if a head with another start does not adapt, or lacks a bias for its prototypes."""
        require(
            self._names.issuperset(self.head),
            "Parameters `shared_head` and `prototype_head` go with a head that adapts. Found one "
            "that stays.",
        )
        require(
            self.head_start != "prototypes" or len(self.head) == 2,
            "Parameter `prototype_head` needs a head with a bias. Found one without.",
        )

    def check(self, model: nn.Module, x: Tensor) -> None:
        """Raise, once, if a head with another start is not the end of the network."""
        if self.head:
            self.check_head_once(model, x)

    def serves(self, model: nn.Module, target: Target) -> str | None:
        """Serve classes only, if the head starts from its rows or prototypes."""
        if self.head_start == "learned" or target.way:
            return None
        option = "shared_head" if self.rows_alike else "prototype_head"
        return f"Parameter `{option}` goes with tasks of classes."

    def owned(self, model: nn.Module) -> Weights:
        """Return the weights of the network."""
        return {name: w for name, w in model.named_parameters() if name in self._names}

    def start(self, shared: Shared, tasks: Tasks) -> Weights:
        """Return the meta-learned weights for every task, with the head's start."""
        weights = self._learned(shared.weights, tasks.support.num_tasks)
        if self.rows_alike:
            return shared_head(weights, self.head, tasks.way)
        if self.head_start == "prototypes":
            features = self.features(shared, weights, tasks)
            return weights | prototype_head(features, self.head, tasks.support, tasks.way)
        return weights

    def _learned(self, shared: State, num_tasks: int) -> Weights:
        """Return the meta-learned weights of the part for every task ``[task, ...]``."""
        own = {name: value for name, value in shared.items() if name in self._names}
        _check_any(own)
        return for_every_task(own, num_tasks)

    def features(self, shared: Shared, weights: Weights, tasks: Tasks) -> Tensor:
        """Return the features of the support examples ``[task, example, feature]``."""
        model, support = shared.model, tasks.support
        body = without(weights, self.head)
        of_one = over_tasks(lambda own, x, mask: forward(model, own, x, mask)[0])
        with without_head(model, self.head):
            features: Tensor = of_one(body, support.x, support.mask_or_none())
        return features

    def moved_first(self, names: tuple[str, ...], tasks: Tasks) -> tuple[str, ...]:
        """Return the head only, if its rows start alike: the gradient of all others is 0.

        The gradient by the scores, ``p − y``, sums to 0 over the classes.
        """
        alike = self.rows_alike and tasks.way is not None
        return self.head if alike and all(name in names for name in self.head) else names


def _check_any(own: Weights) -> None:
    """Raise if a task would own nothing."""
    require(
        len(own) > 0,
        "The task's own part should have a parameter with requires_grad=True. Found all frozen.",
    )


def head_start(shared_head: bool, prototype_head: bool = False) -> HeadStart:
    """Return the start of the head that two options ask for.

    Raises:
        UserError: If both are chosen.
    """
    require(
        not (shared_head and prototype_head),
        "Parameters `shared_head` and `prototype_head` are two ways to start the head. Choose one.",
    )
    return "mean" if shared_head else "prototypes" if prototype_head else "learned"


__all__ = ["HeadStart", "WeightsPart", "head_start"]
