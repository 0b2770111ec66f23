"""Batch norms with a scale and shift for every inner step."""

import torch
from torch import nn

from quickstudy.bilevel import State
from quickstudy.bilevel.optimisers import Weights
from quickstudy.models.norm import TaskNorm


class StepNorms(nn.ParameterList):
    """Scale and shift ``[step, feature]`` of every task norm after 1, 2, … inner steps.

    Before the first step they are the model's own, where all others start.

    Source: Antoniou, Edwards & Storkey 2019 (MAML++), section 4.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names: tuple[str, ...] = ()

    def attach(self, model: nn.Module, steps: int) -> None:
        """Make the values of the norms of ``model`` after 1 … ``steps`` steps."""
        norms = [(p, m) for p, m in model.named_modules() if isinstance(m, TaskNorm)]
        own = {
            f"{path}.{name}".removeprefix("."): parameter
            for path, module in norms
            for name, parameter in module.named_parameters()
            if parameter.requires_grad
        }
        self.names = tuple(own) if steps else ()
        self.extend(own[name].detach().expand(steps, -1).clone() for name in self.names)

    def reset_parameters(self) -> None:
        """Scale 1 and shift 0."""
        with torch.no_grad():
            for name, values in zip(self.names, self, strict=True):
                values.fill_(1.0 if name.endswith("weight") else 0.0)

    def after(self, weights: State, learned: State, index: int) -> Weights:
        """The values after ``index`` steps; after more than in training, the last ones.

        Args:
            weights: The shared weights by name.
            learned: The meta-learned values by place.
            index: Steps taken.
        """
        named = enumerate(zip(self.names, self, strict=True))
        places = {name: learned.get(str(i), own) for i, (name, own) in named if name in weights}
        if not index:
            return {name: weights[name] for name in places}
        return {name: values[min(index, len(values)) - 1] for name, values in places.items()}


__all__ = ["StepNorms"]
