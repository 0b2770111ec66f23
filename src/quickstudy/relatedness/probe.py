"""What a probe network, the same for all tasks, says of every row: its loss and the gradient of it."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from quickstudy.errors import require
from quickstudy.learners import Learner
from quickstudy.models.norm import has_task_norm
from quickstudy.targets import Target

Weights = dict[str, Tensor]


class Probe:
    """A learner's network (or any) as a function of its weights, in evaluation mode.

    Args:
        learner: A learner whose network gives scores, or such a network. It stays as it is.
        target: What its scores answer.

    Raises:
        UserError: If its network gives no scores, normalises by the statistics of a batch, or has
            nothing to learn.
    """

    def __init__(self, learner: Learner | nn.Module, target: Target) -> None:
        model = learner
        if isinstance(learner, Learner):
            scores = learner.model_gives == "scores" and hasattr(learner, "model")
            require(
                scores,
                "The probe should be a learner whose network gives scores. Found "
                f"{type(learner).__name__}.",
            )
            model = cast(nn.Module, learner.model)
        require(
            not has_task_norm(model),
            "The probe should not normalise by the rows of a batch: one row at a time is "
            "looked at.",
        )
        self.model, self.target = model, target
        self.weights: Weights = {
            name: value.detach() for name, value in model.named_parameters() if value.requires_grad
        }
        require(bool(self.weights), "The probe should have a parameter with requires_grad=True.")

    def losses(self, weights: Weights, x: Tensor, y: Tensor) -> Tensor:
        """The loss of every row ``[row]`` of ``x`` ``[row, *feature]`` at ``weights``: squared error or cross-entropy."""
        return self.target.example_losses(functional_call(self.model, weights, (x,)), y)

    def row_gradients(self, x: Tensor, y: Tensor, own: Weights | None = None) -> Tensor:
        """The gradient of the loss of every row ``[row, parameter]``, by the weights that are not the task's ``own``."""
        own = own or {}
        shared = {name: value for name, value in self.weights.items() if name not in own}
        if not len(x):
            return x.new_zeros(0, sum(value.numel() for value in shared.values()))

        def one(weights: Weights, x: Tensor, y: Tensor) -> Tensor:
            return self.losses({**weights, **own}, x.unsqueeze(0), y.unsqueeze(0)).sum()

        found = vmap(grad(one), in_dims=(None, 0, 0))(shared, x, y)
        return torch.cat([value.flatten(1) for value in found.values()], 1)

    def moved(self, direction: Tensor) -> Weights:
        """The weights plus ``direction`` ``[parameter]``."""
        parts = direction.split([value.numel() for value in self.weights.values()])
        return {
            name: value + part.reshape(value.shape)
            for (name, value), part in zip(self.weights.items(), parts, strict=True)
        }


__all__ = ["Probe", "Weights"]
