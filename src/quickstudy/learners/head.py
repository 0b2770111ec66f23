"""The head of a network: its last linear layer."""

from torch import Tensor, nn

from quickstudy.errors import require
from quickstudy.learners.inner_optimisers import Weights


def head_parameters(model: nn.Module) -> tuple[str, ...]:
    """The names of the parameters of ``model``'s last linear layer, weight first.

    Raises:
        UserError: If there is no linear layer.
    """
    linear = [(name, module) for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    require(len(linear) > 0, f"The model should end in a linear layer (nn.Linear), its head. Found none in {type(model).__name__}.")
    name, head = linear[-1]
    prefix = f"{name}." if name else ""
    return tuple(prefix + parameter for parameter, _ in head.named_parameters())


def shared_head(weights: Weights, names: tuple[str, ...], way: int | None) -> Weights:
    """``weights`` ``[task, ...]`` with every class's row of the head replaced by the mean of the rows, for ``way`` classes.

    The initial scores of all classes are then equal, so adapting does not depend on how classes are
    numbered, and any way is served.

    Source: Ye & Chao 2022 (UNICORN-MAML), section 6.
    """

    def mean_row(value: Tensor) -> Tensor:
        count = value.shape[1] if way is None else way
        return value.mean(1, keepdim=True).expand(-1, count, *value.shape[2:])

    return {**weights, **{name: mean_row(weights[name]) for name in names if name in weights}}


__all__ = ["head_parameters", "shared_head"]
