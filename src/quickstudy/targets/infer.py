"""The target that fits the labels, if none is given."""

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
    count = _num_classes(y.long())
    return Pixels(max(2, count)) if dense else Classes(count)


def _num_classes(labels: Tensor) -> int:
    """Count the classes up to the largest index, at least 1."""
    if not labels.numel():
        return 1
    low = int(labels.min())
    require(low >= 0, f"Class indices should be from 0 on. Found {low}.")
    return int(labels.max()) + 1


__all__ = ["infer"]
