"""The target that labels speak of, if nobody says it."""

from torch import Tensor

from quickstudy.errors import require
from quickstudy.targets.classes import Classes
from quickstudy.targets.numbers import Numbers
from quickstudy.targets.pixels import Pixels
from quickstudy.targets.target import Target


def infer(x: Tensor, y: Tensor) -> Target:
    """Give the target that fits inputs ``x`` and labels ``y`` ``[task, example, ...]``.

    Floating-point labels are :class:`Numbers`. Integers (or truth values) ``[task, example]`` are
    :class:`Classes`, as many as the largest index says; integers at the size of images are
    :class:`Pixels`. Several targets of different kinds cannot be told from numbers: say
    ``target=Several(...)``.

    Raises:
        UserError: If the labels fit none of them.
    """
    if y.dtype.is_floating_point:
        return Numbers(tuple(y.shape[2:]))
    dense = y.ndim == 4 and x.shape[-2:] == y.shape[-2:]
    require(
        y.ndim == 2 or dense,
        "Integer labels should be class indices [task, example], or [task, example, height, width] "
        f"at the size of the images. Found {list(y.shape)} for inputs {list(x.shape)}.",
    )
    labels = y.long()
    low, high = (int(labels.min()), int(labels.max())) if y.numel() else (0, 0)
    require(low >= 0, f"Class indices should be from 0 on. Found {low}.")
    return Pixels(max(2, high + 1)) if dense else Classes(high + 1)


__all__ = ["infer"]
