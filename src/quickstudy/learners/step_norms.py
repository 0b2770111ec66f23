"""Batch norms with a scale and shift for every inner step."""

import torch
from torch import Tensor, nn

from quickstudy.bilevel import State
from quickstudy.bilevel.optimisers import Weights
from quickstudy.models.norm import TaskNorm

NORM = "norm."
"""In front of a parameter's name: its values after 1, 2, … inner steps."""


class StepNorms(nn.ParameterList):
    """Scale and shift ``[step, feature]`` of every :class:`~quickstudy.models.norm.TaskNorm` of
    ``model`` after 1 … ``steps`` inner steps.

    Before the first step they are the model's own, where all others start. ``steps=0`` leaves the
    norms as they are."""

    def __init__(self, model: nn.Module, steps: int) -> None:
        own = {
            f"{path}.{name}" if path else name: parameter
            for path, module in model.named_modules()
            if isinstance(module, TaskNorm)
            for name, parameter in module.named_parameters()
            if parameter.requires_grad
        }
        self.names = tuple(own) if steps else ()
        super().__init__(own[name].detach().expand(steps, -1).clone() for name in self.names)

    def reset_parameters(self) -> None:
        """Scale 1 and shift 0."""
        with torch.no_grad():
            for name, values in zip(self.names, self, strict=True):
                values.fill_(1.0 if name.endswith("weight") else 0.0)

    def by_name(self) -> dict[str, Tensor]:
        """The values as meta-learned tensors, by the name of their parameter behind ``NORM``."""
        return {NORM + name: values for name, values in zip(self.names, self, strict=True)}

    def after(self, meta: State, index: int) -> Weights:
        """Scale and shift of the norms after ``index`` steps; after more than in training, the last ones."""
        return {
            name: meta[NORM + name][min(index, len(meta[NORM + name])) - 1] if index else meta[name]
            for name in self.names
        }


__all__ = ["NORM", "StepNorms"]
