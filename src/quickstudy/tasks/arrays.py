"""Your own labelled arrays as a pool of classes."""

import re
from typing import Any

import torch
from torch import Tensor

from quickstudy.describe import recorded
from quickstudy.errors import require
from quickstudy.random import generator
from quickstudy.tasks.classes import Classes, Episodes, Range

SPLITS = ("train", "validation", "test")


class Arrays:
    """N-way K-shot tasks from arrays: ``qs.tasks.Arrays(x, y).split("train").episodes(way=5,
    shot=1)``.

    Args:
        x: Examples ``[example, *feature]``; a tensor, a NumPy array or what ``torch.as_tensor``
            takes. ``uint8`` images ``[example, height, width]`` or ``[example, channel, height,
            width]`` are scaled to [0, 1].
        y: The class of every example ``[example]``: integers or strings.
        fractions: How the *classes* are divided into train, validation and test.
        seed: Seed of the division.

    Raises:
        UserError: If the lengths differ, the arrays are empty, or x holds NaN or infinity.

    Example:
        >>> import numpy as np, quickstudy as qs
        >>> x, y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 6
        >>> qs.tasks.Arrays(x, y).episodes(way=3, shot=2, query=4).sample(2, qs.Moment(0, "train")).query.x.shape
        torch.Size([2, 12, 3])
    """

    def __init__(
        self, x: Any, y: Any, fractions: tuple[float, float, float] = (0.6, 0.2, 0.2), seed: int = 0
    ) -> None:
        self.fractions, self.seed = fractions, seed
        values = torch.as_tensor(x)
        values = values.to(torch.get_default_dtype()) if values.dtype != torch.uint8 else values
        labels = [str(label) for label in (y.tolist() if hasattr(y, "tolist") else y)]
        require(
            len(values) == len(labels) > 0,
            f"`x` and `y` should have the same length, at least 1. Found {len(values)} and "
            f"{len(labels)}.",
        )
        require(
            values.dtype == torch.uint8 or bool(values.isfinite().all()),
            "`x` should be finite. Found NaN or infinity: fill or drop them.",
        )
        require(
            len(fractions) == 3 and abs(sum(fractions) - 1) < 1e-9 and min(fractions) >= 0,
            f"Parameter `fractions` should be three numbers that sum to 1. Found {fractions}.",
        )
        number = re.compile("-?[0-9]+")
        names = sorted(
            set(labels),
            key=lambda name: (0, int(name), name) if number.fullmatch(name) else (1, 0, name),
        )
        index = {name: i for i, name in enumerate(names)}
        code = torch.tensor([index[label] for label in labels])
        order = code.argsort(stable=True)
        size = code.bincount()
        self.pool = Classes(
            values[order],
            size.cumsum(0) - size,
            size,
            tuple(names),
            torch.zeros_like(size),
            ("all",),
            "arrays",
        )

    @recorded
    def episodes(self, way: Range, shot: Range, query: int = 15) -> Episodes:
        """Tasks from all classes. See :class:`~quickstudy.tasks.classes.Episodes`."""
        return self.pool.episodes(way, shot, query)

    @recorded
    def split(self, name: str) -> Classes:
        """The classes of one split: ``"train"``, ``"validation"`` or ``"test"``; every class is in exactly one."""
        require(
            name in SPLITS,
            f"Parameter `split` should be one of {', '.join(SPLITS)}. Found {name!r}.",
        )
        order = torch.randperm(self.pool.num_classes, generator=generator(self.seed, "split"))
        first = round(self.fractions[0] * len(order))
        second = round((self.fractions[0] + self.fractions[1]) * len(order))
        parts: dict[str, Tensor] = dict(
            zip(SPLITS, order.tensor_split([first, second]), strict=True)
        )
        require(
            len(parts[name]) > 0,
            f"Split {name!r} should have at least one class. Found none of {len(order)}: "
            "change `fractions`.",
        )
        return self.pool.subset(parts[name].sort().values, f"arrays/{name}")
