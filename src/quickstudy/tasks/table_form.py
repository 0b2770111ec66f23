"""What the rows of a table become on their way into a model and out of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from quickstudy.episode import Episode
from quickstudy.errors import require
from quickstudy.targets import Classes, Numbers, Several, Target
from quickstudy.tasks.encoder import Encoder, check_columns, numbers
from quickstudy.tasks.table import class_name
from quickstudy.tasks.table_tasks import TableTasks


@dataclass(frozen=True)
class TableForm:
    """Features as training rows scaled them, and targets of mean 0 and standard deviation 1 of the
    training rows, or classes as indices.

    Attributes:
        encoder: Columns to features.
        targets: The columns that are predicted.
        mean: Of each target; 0 for one of classes among several, empty where classes are all.
        scale: Standard deviation of each target; 1 for one of classes among several, empty where
            classes are all.
        classes: The names of the classes; empty where targets are numbers.
        labels: Of each of several targets of different kinds the names of its classes, none for a
            number; empty for targets of one kind.
    """

    encoder: Encoder
    targets: tuple[str, ...]
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    classes: tuple[str, ...] = ()
    labels: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def of(cls, tasks: TableTasks, labels: Mapping[str, tuple[str, ...]]) -> "TableForm":
        """What the rows of ``tasks`` say; a target that is always the same keeps its scale.

        Args:
            tasks: The rows.
            labels: For each column that is predicted the names of its classes, none for a number:
                ``table.labels``.

        Raises:
            UserError: If no row has a label of one of several targets.
        """
        if tasks.target.way:
            (classes,) = labels.values()
            return cls(tasks.encoder, tuple(labels), classes=classes)
        empty = [
            name
            for name, column in zip(labels, tasks.y.isnan().all(0).tolist(), strict=True)
            if column
        ]
        require(
            not empty,
            f"Some rows to learn from should have a label in column {empty[:1]}. Found none.",
        )
        mean = tasks.y.nanmean(0)
        scale = (tasks.y - mean).square().nanmean(0).sqrt()
        scale = torch.where(
            scale > 1e-12 * mean.abs().clamp(min=1.0), scale, torch.ones_like(scale)
        )
        number = torch.tensor([not classes for classes in labels.values()])
        mean, scale = mean.where(number, 0.0), scale.where(number, 1.0)
        several = tuple(labels.values()) if isinstance(tasks.target, Several) else ()
        return cls(
            tasks.encoder,
            tuple(labels),
            tuple(mean.tolist()),
            tuple(scale.tolist()),
            labels=several,
        )

    @property
    def target(self) -> Target:
        """What tasks of these rows ask for."""
        if self.labels:
            return Several(tuple(len(names) for names in self.labels))
        return Classes(len(self.classes)) if self.classes else Numbers((len(self.targets),))

    @property
    def several(self) -> Several:
        """The columns as several targets side by side."""
        return Several(tuple(len(names) for names in self.by_target.values()))

    @property
    def widths(self) -> list[int]:
        """How many scores each column takes: one for a number, one a class for classes."""
        return [max(1, len(names)) for names in self.by_target.values()]

    @property
    def by_target(self) -> dict[str, tuple[str, ...]]:
        """The names of the classes of every target, none for a number."""
        if self.classes:
            return {self.targets[0]: self.classes}
        return dict(zip(self.targets, self.labels or ((),) * len(self.targets), strict=True))

    def inputs(self, frame: pd.DataFrame) -> Tensor:
        """The features ``[row, feature]``."""
        return torch.from_numpy(self.encoder(frame)).to(torch.get_default_dtype())

    def labelled(self, frame: pd.DataFrame) -> np.ndarray:
        """Which rows have all targets ``[row]``; a label at least, of several of different kinds.

        Raises:
            UserError: If a column is missing.
        """
        check_columns(frame, list(self.targets))
        known = frame[list(self.targets)].notna()
        found: np.ndarray = (known.any(axis=1) if self.labels else known.all(axis=1)).to_numpy()
        return found

    def outputs(self, frame: pd.DataFrame) -> Tensor:
        """The scaled targets ``[row, target]``, or the indices of the classes ``[row]``, of
        labelled rows.

        Of several of different kinds, both ``[row, target]``, and NaN where a label is missing.

        Raises:
            UserError: If a column is missing, holds text or infinity in place of numbers, or a
                class that training rows did not have.
        """
        check_columns(frame, list(self.targets))
        if self.classes:
            return torch.from_numpy(_indices(frame[self.targets[0]], self.classes)).long()
        kinds = self.by_target.items()
        columns = np.stack(
            [
                _indices(frame[name], classes) if classes else numbers(frame[name])
                for name, classes in kinds
            ],
            1,
        )
        return self.scaled(torch.from_numpy(columns)).to(torch.get_default_dtype())

    def scaled(self, values: Tensor) -> Tensor:
        """Targets ``[..., target]`` of mean 0 and standard deviation 1; classes as they are."""
        return (
            values
            if not self.mean
            else (values - values.new_tensor(self.mean)) / values.new_tensor(self.scale)
        )

    def unscaled(self, values: Tensor) -> Tensor:
        """Scaled targets ``[..., target]``, or scores ``[..., score]``, in the table's units; what is said of classes as it is."""
        if not self.mean:
            return values
        width = torch.tensor(self.widths, device=values.device)
        mean, scale = (
            values.new_tensor(each).repeat_interleave(width) for each in (self.mean, self.scale)
        )
        return values * scale + mean

    def tasks(self, tasks: TableTasks) -> TableTasks:
        """The same rows with scaled targets."""
        return replace(tasks, y=self.scaled(tasks.y))

    def episode(self, episode: Episode) -> Episode:
        """The same episode with scaled targets in the support set, which is what a model sees."""
        support = episode.support
        y = (
            support.y
            if not self.mean
            else self.scaled(support.y).masked_fill(support.mask.unsqueeze(-1) == 0, 0)
        )
        return replace(episode, support=replace(support, y=y))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, to be kept with a run."""
        named = {
            name: list(getattr(self, name)) for name in ("targets", "mean", "scale", "classes")
        }
        return {
            "encoder": self.encoder.to_dict(),
            **named,
            "labels": [list(names) for names in self.labels],
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TableForm":
        """What :meth:`to_dict` gave."""
        named = {
            name: tuple(values.get(name, ())) for name in ("targets", "mean", "scale", "classes")
        }
        return cls(
            Encoder.from_dict(values["encoder"]),
            **named,
            labels=tuple(map(tuple, values.get("labels", ()))),
        )


def _indices(column: pd.Series, classes: Sequence[str]) -> np.ndarray:
    """The place among ``classes`` of every cell, as floating-point numbers, NaN for an empty one."""
    missing = column.isna().to_numpy()
    names, place = (
        [class_name(value) for value in column[~missing]],
        {name: index for index, name in enumerate(classes)},
    )
    unknown = sorted(set(names) - set(classes))
    known = ", ".join(classes[:20])
    require(
        not unknown,
        f"Column {column.name!r} should hold the classes that were learned: {known}. Found "
        f"{unknown[:1]}.",
    )
    found = np.full(len(column), np.nan)
    found[~missing] = [place[name] for name in names]
    return found


__all__ = ["TableForm"]
