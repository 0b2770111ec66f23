"""The abstract parent of parts that are some of the network's own weights."""

from abc import abstractmethod
from typing import Literal

import torch
from torch import Tensor, nn

from quickstudy.bilevel.optimisers import Weights
from quickstudy.errors import require
from quickstudy.learners.head import (
    check_head,
    head_parameters,
    prototype_head,
    shared_head,
    without_head,
)
from quickstudy.learners.mapping import over_tasks
from quickstudy.learners.parts.part import Part, Shared, Tasks
from quickstudy.models.norm import forward
from quickstudy.targets import Target

HeadStart = Literal["learned", "mean", "prototypes"]


class WeightsPart(Part):
    """Some of the network's own weights, which start from the meta-learned ones.

    Frozen parameters (``requires_grad=False``) stay out.

    Args:
        head_start: In classification, where the last linear layer starts: as it is learned; every
            row from the mean of the rows (:func:`~quickstudy.learners.head.shared_head`); or as the
            nearest-prototype classifier (:func:`~quickstudy.learners.head.prototype_head`). The
            last two serve any way.
    """

    def __init__(self, head_start: HeadStart = "learned") -> None:
        super().__init__()
        self.head_start = head_start
        self.any_way = head_start != "learned"
        self.rows_alike = head_start == "mean"
        self._checked = False

    @abstractmethod
    def names(self, model: nn.Module) -> tuple[str, ...]:
        """The names of the parameters that a task owns."""

    def attach(self, model: nn.Module) -> None:
        """Find the weights, and the head if it starts apart."""
        self._names = frozenset(self.names(model))
        self.head = () if self.head_start == "learned" else head_parameters(model)
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
        """Raise, once, if a head that is treated apart is not the end of the network."""
        looked = self._checked or torch.compiler.is_compiling()
        if self.head and x.numel() and not looked:
            check_head(model, self.head, x[0, :1])
            self._checked = True

    def serves(self, model: nn.Module, target: Target) -> str | None:
        """Classes only, if the head starts from its rows or prototypes."""
        if self.head_start == "learned" or target.way:
            return None
        option = "shared_head" if self.rows_alike else "prototype_head"
        return f"Parameter `{option}` goes with tasks of classes."

    def owned(self, model: nn.Module) -> Weights:
        """The weights themselves."""
        return {name: w for name, w in model.named_parameters() if name in self._names}

    def start(self, shared: Shared, tasks: Tasks) -> Weights:
        """The meta-learned weights of every task."""
        names = [name for name in shared.weights if name in self._names]
        require(
            len(names) > 0,
            "The task's own part should have a parameter with requires_grad=True. Found all "
            "frozen.",
        )
        count = tasks.support.num_tasks
        weights = {
            name: shared.weights[name].expand(count, *shared.weights[name].shape) for name in names
        }
        if self.rows_alike:
            return shared_head(weights, self.head, tasks.way)
        if self.head_start == "prototypes":
            features = self.features(shared, weights, tasks)
            return weights | prototype_head(features, self.head, tasks.support, tasks.way)
        return weights

    def features(self, shared: Shared, weights: Weights, tasks: Tasks) -> Tensor:
        """What the head is given of the support examples ``[task, example, feature]``."""
        body = {name: value for name, value in weights.items() if name not in self.head}
        support = tasks.support
        with without_head(shared.model, self.head):
            of_one = over_tasks(lambda own, x, mask: forward(shared.model, own, x, mask)[0])
            features: Tensor = of_one(body, support.x, support.mask_or_none())
        return features

    def moved_first(self, names: tuple[str, ...], tasks: Tasks) -> tuple[str, ...]:
        """The head, if its rows start alike: then the gradient of all others is 0.

        The gradient by the scores, ``p − y``, sums to 0 over the classes.
        """
        alike = self.rows_alike and tasks.way is not None
        return self.head if alike and all(name in names for name in self.head) else names


def head_start(shared_head: bool, prototype_head: bool = False) -> HeadStart:
    """The start of the head that two options ask for.

    Raises:
        UserError: If both are chosen.
    """
    require(
        not (shared_head and prototype_head),
        "Parameters `shared_head` and `prototype_head` are two ways to start the head. Choose one.",
    )
    return "mean" if shared_head else "prototypes" if prototype_head else "learned"


__all__ = ["HeadStart", "WeightsPart", "head_start"]
