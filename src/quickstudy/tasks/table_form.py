"""What the rows of a table become on their way into a model and out of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.tasks.encoder import Encoder, check_columns, numbers
from quickstudy.tasks.table import class_name
from quickstudy.tasks.table_tasks import TableTasks


@dataclass(frozen=True)
class TableForm:
    """Features as training rows scaled them, and targets of mean 0 and standard deviation 1 of the training rows, or classes as indices.

    Attributes:
        encoder: Columns to features.
        targets: The columns that are predicted.
        mean: Of each target; 0 for one of classes among several, empty where classes are all.
        scale: Standard deviation of each target; 1 for one of classes among several, empty where classes are all.
        classes: The names of the classes; empty where targets are numbers.
    """

    encoder: Encoder
    targets: tuple[str, ...]
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    classes: tuple[str, ...] = ()

    @classmethod
    def of(cls, tasks: TableTasks, targets: Sequence[str], classes: Sequence[str] = ()) -> "TableForm":
        """What the rows of ``tasks`` say; a target that is always the same keeps its scale."""
        if tasks.kind.name == "classification":
            return cls(tasks.encoder, tuple(targets), classes=tuple(classes))
        mean = tasks.y.nanmean(0)
        scale = (tasks.y - mean).square().nanmean(0).sqrt()
        scale = torch.where(scale > 1e-12 * mean.abs().clamp(min=1.0), scale, torch.ones_like(scale))
        number = torch.tensor([n == 0 for n in tasks.kind.targets or (0,) * len(mean)])
        mean, scale = mean.where(number, 0.0), scale.where(number, 1.0)
        return cls(tasks.encoder, tuple(targets), tuple(mean.tolist()), tuple(scale.tolist()))

    def inputs(self, frame: pd.DataFrame) -> Tensor:
        """The features ``[row, feature]``."""
        return torch.from_numpy(self.encoder(frame)).to(torch.get_default_dtype())

    def labelled(self, frame: pd.DataFrame) -> np.ndarray:
        """Which rows have all targets ``[row]``.

        Raises:
            UserError: If a column is missing.
        """
        check_columns(frame, list(self.targets))
        found: np.ndarray = frame[list(self.targets)].notna().all(axis=1).to_numpy()
        return found

    def outputs(self, frame: pd.DataFrame) -> Tensor:
        """The scaled targets ``[row, target]``, or the indices of the classes ``[row]``, of labelled rows.

        Raises:
            UserError: If a column is missing, holds text or infinity in place of numbers, or a class that training rows did not have.
        """
        check_columns(frame, list(self.targets))
        if self.classes:
            names = [class_name(value) for value in frame[self.targets[0]]]
            unknown = sorted(set(names) - set(self.classes))
            require(
                not unknown,
                f"Column {self.targets[0]!r} should hold the classes that were learned: {', '.join(self.classes[:20])}. "
                f"Found {unknown[:1]}.",
            )
            return torch.tensor([self.classes.index(name) for name in names], dtype=torch.long)
        columns = np.stack([numbers(frame[name]) for name in self.targets], 1)
        return self.scaled(torch.from_numpy(columns)).to(torch.get_default_dtype())

    def scaled(self, values: Tensor) -> Tensor:
        """Targets ``[..., target]`` of mean 0 and standard deviation 1; classes as they are."""
        return values if not self.mean else (values - values.new_tensor(self.mean)) / values.new_tensor(self.scale)

    def unscaled(self, values: Tensor) -> Tensor:
        """Scaled targets ``[..., target]`` in the table's units; what is said of classes as it is."""
        return values if not self.mean else values * values.new_tensor(self.scale) + values.new_tensor(self.mean)

    def tasks(self, tasks: TableTasks) -> TableTasks:
        """The same rows with scaled targets."""
        return replace(tasks, y=self.scaled(tasks.y))

    def episode(self, episode: Episode) -> Episode:
        """The same episode with scaled targets in the support set, which is what a model sees."""
        support = episode.support
        y = support.y if not self.mean else self.scaled(support.y).masked_fill(support.mask.unsqueeze(-1) == 0, 0)
        return Episode(Batch(support.x, y, support.mask), episode.query, episode.task)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, to be kept with a run."""
        named = {name: list(getattr(self, name)) for name in ("targets", "mean", "scale", "classes")}
        return {"encoder": self.encoder.to_dict(), **named}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TableForm":
        """What :meth:`to_dict` gave."""
        named = {name: tuple(values.get(name, ())) for name in ("targets", "mean", "scale", "classes")}
        return cls(Encoder.from_dict(values["encoder"]), **named)


__all__ = ["TableForm"]
