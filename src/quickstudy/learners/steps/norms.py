"""Batch norms with a scale and shift for every inner step."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from quickstudy.bilevel import State
from quickstudy.bilevel.optimisers import Weights
from quickstudy.models.norm import TaskNorm


class StepNorms(nn.ParameterList):
    """Learn scale and shift of every batch norm after each inner step.

    The values ``[step, feature]`` are for the weights after 1, 2, … steps. Before the first step
    the model's values are used, from which all others start.

    Source: Antoniou, Edwards & Storkey 2019 (MAML++), section 4.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names: tuple[str, ...] = ()

    def attach(self, model: nn.Module, steps: int) -> None:
        """Make the values of the norms of ``model`` after 1 … ``steps`` steps."""
        own = _norm_parameters(model)
        self.names = tuple(own) if steps else ()
        self.extend(own[name].detach().expand(steps, -1).clone() for name in self.names)

    def reset_parameters(self) -> None:
        """Put every scale to 1 and every shift to 0."""
        with torch.no_grad():
            for name, values in zip(self.names, self, strict=True):
                values.fill_(1.0 if name.endswith("weight") else 0.0)

    def after(self, weights: State, learned: State, index: int) -> Weights:
        """Return the values after ``index`` steps; after more than in training, the last ones.

        Args:
            weights: The shared weights by name.
            learned: The meta-learned values by place.
            index: The number of steps taken.
        """
        if not index:
            return self._first(weights)
        every = self._values(learned)
        return {n: values[min(index, len(values)) - 1] for n, values in every if n in weights}

    def _first(self, weights: State) -> Weights:
        """Return the values before the first step, which are the model's."""
        return {name: weights[name] for name in self.names if name in weights}

    def _values(self, learned: State) -> Iterator[tuple[str, Tensor]]:
        """Give the name and the values ``[step, feature]`` of every scale and shift."""
        for place, (name, own) in enumerate(zip(self.names, self, strict=True)):
            yield name, learned.get(str(place), own)


def _norm_parameters(model: nn.Module) -> Weights:
    """Return the parameters of the batch norms of ``model`` that are learned, by name."""
    norms = [(p, m) for p, m in model.named_modules() if isinstance(m, TaskNorm)]
    return {
        f"{path}.{name}".removeprefix("."): parameter
        for path, module in norms
        for name, parameter in module.named_parameters()
        if parameter.requires_grad
    }


__all__ = ["StepNorms"]
