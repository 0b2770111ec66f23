"""The abstract parent of parts: the tensors of a network that a task owns."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.bilevel import State
from quickstudy.bilevel.optimisers import Weights
from quickstudy.episode import Batch
from quickstudy.learners.head import check_head
from quickstudy.models.norm import Statistics, forward
from quickstudy.targets import Target


class Examples(NamedTuple):
    """Hold examples of one task on their way through a network.

    See :func:`quickstudy.models.norm.forward`.

    Attributes:
        x: Inputs ``[example, *feature]``.
        mask: ``[example]``, or None if all are real.
        statistics: The statistics that norms use; by default taken from ``x``.
        record: Whether the statistics are returned.
    """

    x: Tensor
    mask: Tensor | None = None
    statistics: Statistics | None = None
    record: bool = False


@dataclass(frozen=True)
class Shared:
    """Hold the network that all tasks share, and the meta-learned values of its parameters.

    Attributes:
        model: The network.
        weights: Its meta-learned parameters by name; the others are the model's.
        part: The part's meta-learned parameters by name; the others are the part's.
    """

    model: nn.Module
    weights: State = field(default_factory=dict)
    part: State = field(default_factory=dict)


class Tasks(NamedTuple):
    """Hold the tasks that own a part.

    Attributes:
        support: The examples that they learn from.
        way: The most classes of a task, if it decides the size of a head.
        known: ``[task]``, their identities if they are training tasks.
    """

    support: Batch
    way: int | None = None
    known: Tensor | None = None

    def some(self, tasks: slice) -> "Tasks":
        """Take the tasks of a slice."""
        known = None if self.known is None else self.known[tasks]
        return Tasks(self.support[tasks], self.way, known)


class Part(nn.Module, ABC):
    """Name the tensors of a network that a task owns, start them, and run the network with them.

    A part is made before it knows its network; :meth:`attach` shows it. Its parameters are
    meta-learned beside the parameters of the network.

    Every part defines :meth:`owned` and :meth:`start`. If the tensors are no weights of the
    network, it defines :meth:`whole` too. If the layers below see no inner step (:attr:`lifted`),
    it defines :meth:`below` and :meth:`above`.
    """

    lifted: bool = False
    """Whether :meth:`below` is computed once for all inner steps, which see :meth:`above` only."""

    head: tuple[str, ...] = ()
    """The parameters of the last linear layer, if the part treats it separately."""

    any_way: bool = False
    """Whether tasks of any number of classes are served, also of another than in training."""

    rows_alike: bool = False
    """Whether the head's rows, one for each class, start alike."""

    trains_on_support: bool = True
    """Whether the training loss depends on the support set."""

    _checked: bool = False
    """Whether the head was looked at before."""

    def attach(self, model: nn.Module) -> None:
        """Look at the network, and make the parameters of the part."""

    def check(self, model: nn.Module, x: Tensor) -> None:
        """Raise if the network does not suit, tried on ``x`` ``[task, example, *feature]``."""

    def check_head_once(self, model: nn.Module, x: Tensor) -> None:
        """Raise, the first time, if the head is not the end of the network, tried on ``x``."""
        if x.numel() and not (self._checked or torch.compiler.is_compiling()):
            check_head(model, self.head, x[0, :1])
            self._checked = True

    def serves(self, model: nn.Module, target: Target) -> str | None:
        """Say why tasks that ask for ``target`` cannot own the part; None if they can."""
        return None

    @abstractmethod
    def owned(self, model: nn.Module) -> Weights:
        """Return the tensors that one task owns, by name; learned rates have their shapes."""

    @abstractmethod
    def start(self, shared: Shared, tasks: Tasks) -> Weights:
        """Return the tensors of every task before its first step, ``[task, ...]`` each."""

    def whole(self, shared: Shared, own: Weights, examples: Examples) -> tuple[Tensor, Statistics]:
        """Run the network of one task, with the task's tensors ``own``."""
        return forward(shared.model, {**shared.weights, **own}, *examples)

    def below(self, shared: Shared, examples: Examples) -> tuple[Tensor, Statistics]:
        """Run the layers below the part, which depend on nothing that the task owns."""
        return examples.x, ()

    def above(self, shared: Shared, own: Weights, examples: Examples) -> tuple[Tensor, Statistics]:
        """Run the rest of the network on the features that the layers below gave.

        If these are the inputs as they are, it is the whole network.
        """
        return self.whole(shared, own, examples)

    def moved_first(self, names: tuple[str, ...], tasks: Tasks) -> tuple[str, ...]:
        """Return the ``names`` whose gradient is not known to be 0 in the first step: all."""
        return names

    def penalty(self, shared: Shared, known: Tensor) -> Tensor | None:
        """Return the penalty on the losses of the tasks ``known`` ``[task]``; None without one."""
        return None

    def uncompiled(self) -> str | None:
        """Say why a step with this part is not compiled; None if it is."""
        return None


__all__ = ["Examples", "Part", "Shared", "Tasks"]
