"""The probe: one network for all tasks, which gives the loss of every row and its gradient."""

from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from torch.func import grad, vmap

from quickstudy.bilevel.optimisers import Weights
from quickstudy.episode import Batch
from quickstudy.errors import require
from quickstudy.learners import Learner
from quickstudy.models.functional import call
from quickstudy.models.norm import has_task_norm
from quickstudy.targets import Target

ProbeModel = Learner | nn.Module
"""A learner whose network gives scores, or such a network."""


class Probe:
    """Compute a network as a function of its weights, in evaluation mode.

    Args:
        learner: A learner whose network gives scores, or such a network. It is not changed.
        target: The target of the tasks.

    Raises:
        UserError: If the network gives no scores, normalises by the statistics of a batch, or has
            nothing to learn.
    """

    def __init__(self, learner: ProbeModel, target: Target) -> None:
        self.model, self.target = _network(learner), target
        require(
            not has_task_norm(self.model),
            "The probe should not normalise by the rows of a batch: one row at a time is "
            "looked at.",
        )
        self.weights: Weights = {
            name: value.detach()
            for name, value in self.model.named_parameters()
            if value.requires_grad
        }
        require(bool(self.weights), "The probe should have a parameter with requires_grad=True.")

    def losses(self, weights: Weights, x: Tensor, y: Tensor) -> Tensor:
        """Compute the loss of every row ``[row]``.

        Args:
            weights: The weights of the network.
            x: ``[row, *feature]``.
            y: ``[row, *label]``.
        """
        return self.target.example_losses(call(self.model, weights, x), y)

    def batch_losses(self, weights: Weights, batch: Batch) -> Tensor:
        """Compute the loss of every row of every task ``[task, example]``, padding too."""
        losses = self.losses(weights, batch.x.flatten(0, 1), batch.y.flatten(0, 1))
        return losses.reshape(batch.mask.shape)

    def row_gradients(self, x: Tensor, y: Tensor, own: Weights | None = None) -> Tensor:
        """Compute the gradient of the loss of every row ``[row, parameter]``.

        Args:
            x: ``[row, *feature]``.
            y: ``[row, *label]``.
            own: Weights of the task itself. They take the place of the network's, and the gradient
                is by all others.
        """
        own = own or {}
        shared = {name: value for name, value in self.weights.items() if name not in own}
        if not len(x):
            return x.new_zeros(0, sum(_sizes(shared)))
        each = vmap(grad(partial(self._row_loss, own)), in_dims=(None, 0, 0))
        return torch.cat([value.flatten(1) for value in each(shared, x, y).values()], 1)

    def moved(self, direction: Tensor) -> Weights:
        """Give the weights plus ``direction`` ``[parameter]``."""
        parts = direction.split(_sizes(self.weights))
        pairs = zip(self.weights.items(), parts, strict=True)
        return {name: value + part.reshape(value.shape) for (name, value), part in pairs}

    def _row_loss(self, own: Weights, shared: Weights, x: Tensor, y: Tensor) -> Tensor:
        return self.losses(shared | own, x[None], y[None])[0]


def _sizes(weights: Weights) -> list[int]:
    return [value.numel() for value in weights.values()]


def _network(learner: ProbeModel) -> nn.Module:
    if not isinstance(learner, Learner):
        return learner
    require(
        learner.model_gives == "scores" and hasattr(learner, "model"),
        "The probe should be a learner whose network gives scores. Found "
        f"{type(learner).__name__}.",
    )
    return cast(nn.Module, learner.model)


__all__ = ["Probe", "ProbeModel"]
