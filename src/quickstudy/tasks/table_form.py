"""What the rows of a table become on their way into a model and out of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.targets import Classes, Numbers, Several, Target
from quickstudy.tasks.encoder import Encoder, check_columns
from quickstudy.tasks.table_tasks import TableTasks
from quickstudy.tasks.tables.carriers import as_floats
from quickstudy.tasks.tables.schema import Schema
from quickstudy.tasks.tables.spelling import spell


@dataclass(frozen=True)
class TableForm:
    """Turns rows of a table into features and targets, scaled as the training rows say.

    Numbers have mean 0 and standard deviation 1 in the training rows; classes are indices.

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
        """Learn the form from the rows of ``tasks``; a constant target keeps its scale.

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
        _check_labelled(tasks.y, tuple(labels))
        mean, scale = _mean_and_scale(tasks.y)
        number = torch.tensor([not classes for classes in labels.values()])
        several = tuple(labels.values()) if isinstance(tasks.target, Several) else ()
        return cls(
            tasks.encoder,
            tuple(labels),
            tuple(mean.where(number, 0.0).tolist()),
            tuple(scale.where(number, 1.0).tolist()),
            labels=several,
        )

    @property
    def target(self) -> Target:
        """What tasks of these rows ask for."""
        if self.labels:
            return self.several
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
        return self.encoder.tensor(frame)

    def answers(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Read the columns that are predicted: numbers, and classes in their one spelling.

        Raises:
            UserError: If a column is missing, or holds text or infinity in place of numbers.
        """
        check_columns(frame, list(self.targets))
        read = {}
        for name, classes in self.by_target.items():
            column = self.schema.column(name, "category" if classes else "number")
            read[name] = column.read(frame[name])
        return pd.DataFrame(read, index=frame.index, copy=False)

    def labelled(self, frame: pd.DataFrame) -> np.ndarray:
        """Which rows have all targets ``[row]``; a label at least, of several of different kinds.

        Raises:
            UserError: If a column is missing, or holds text or infinity in place of numbers.
        """
        return rows_with_labels(self.answers(frame), bool(self.labels))

    def outputs(self, frame: pd.DataFrame) -> Tensor:
        """Give the targets of labelled rows.

        They are scaled numbers ``[row, target]`` or class indices ``[row]``. Several targets of
        different kinds are ``[row, target]``, NaN for a missing label.

        Raises:
            UserError: If a column is missing, holds text or infinity in place of numbers, or a
                class that training rows did not have.
        """
        read = self.answers(frame)
        if self.classes:
            return torch.from_numpy(_indices(read[self.targets[0]], self.classes)).long()
        columns = [_column(read[name], classes) for name, classes in self.by_target.items()]
        values = torch.from_numpy(np.stack(columns, 1))
        return self.scaled(values).to(torch.get_default_dtype())

    @property
    def schema(self) -> Schema:
        """What the columns of the table hold; empty for a run from before there were schemas."""
        return self.encoder.schema

    def scaled(self, values: Tensor) -> Tensor:
        """Scale targets ``[..., target]`` to mean 0 and standard deviation 1; not classes."""
        if not self.mean:
            return values
        return (values - values.new_tensor(self.mean)) / values.new_tensor(self.scale)

    def unscaled(self, values: Tensor) -> Tensor:
        """Give scaled targets ``[..., target]``, or scores ``[..., score]``, in the table's units.

        Scores of classes stay as they are.
        """
        if not self.mean:
            return values
        return values * self._each_score(self.scale, values) + self._each_score(self.mean, values)

    def _each_score(self, of_targets: tuple[float, ...], like: Tensor) -> Tensor:
        """Repeat the number of each target for each of its scores, in the dtype of ``like``."""
        width = torch.tensor(self.widths, device=like.device)
        return like.new_tensor(of_targets).repeat_interleave(width)

    def tasks(self, tasks: TableTasks) -> TableTasks:
        """Give the same rows with scaled targets."""
        return replace(tasks, y=self.scaled(tasks.y))

    def episode(self, episode: Episode) -> Episode:
        """Give the same episode with scaled targets in the support set, which a model sees."""
        if not self.mean:
            return episode
        return replace(episode, support=self._scaled_batch(episode.support))

    def _scaled_batch(self, batch: Batch) -> Batch:
        """Give the same batch with scaled targets, 0 in its padding."""
        y = self.scaled(batch.y).masked_fill(batch.mask.unsqueeze(-1) == 0, 0)
        return replace(batch, y=y)

    def to_dict(self) -> dict[str, Any]:
        """Give plain values, to be kept with a run."""
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
        """Give the form that ``to_dict`` described."""
        named = {
            name: tuple(values.get(name, ())) for name in ("targets", "mean", "scale", "classes")
        }
        return cls(
            Encoder.from_dict(values["encoder"]),
            **named,
            labels=tuple(map(tuple, values.get("labels", ()))),
        )


def rows_with_labels(answers: pd.DataFrame, several: bool) -> np.ndarray:
    """Say which rows have all labels ``[row]``, or one at least of ``several`` kinds."""
    known = answers.notna()
    found: np.ndarray = (known.any(axis=1) if several else known.all(axis=1)).to_numpy()
    return found


def _check_labelled(y: Tensor, names: tuple[str, ...]) -> None:
    empty = _unlabelled(y, names)
    require(
        not empty,
        f"Some rows to learn from should have a label in column {empty[:1]}. Found none.",
    )


def _unlabelled(y: Tensor, names: tuple[str, ...]) -> list[str]:
    """Give the targets that no row has a label of."""
    missing = zip(names, y.isnan().all(0).tolist(), strict=True)
    return [name for name, all_missing in missing if all_missing]


def _are_alike(y: Tensor) -> Tensor:
    """Say of every target whether its labels are all the same."""
    return y.nan_to_num(-torch.inf).amax(0) == y.nan_to_num(torch.inf).amin(0)


def _mean_and_scale(y: Tensor) -> tuple[Tensor, Tensor]:
    """Give mean and standard deviation of every target, 1 if its values are all alike."""
    mean = y.nanmean(0)
    scale = (y - mean).square().nanmean(0).sqrt()
    alike = _are_alike(y)
    lost = ~scale.isfinite() | ((scale == 0) & ~alike)
    if y.dtype != torch.float64 and bool(lost.any()):
        return _mean_and_scale(y.double())  # squares beyond what the dtype holds
    varies = (scale > 1e-12 * mean.abs()) & ~alike
    return mean, torch.where(varies, scale, torch.ones_like(scale))


def _column(column: "pd.Series[Any]", classes: Sequence[str]) -> np.ndarray:
    if classes:
        return _indices(column, classes)
    return as_floats(column)


def _indices(column: "pd.Series[Any]", classes: Sequence[str]) -> np.ndarray:
    """Give the place of every cell among ``classes``, a float, NaN for an empty cell."""
    place = {spell(name): index for index, name in enumerate(classes)}
    used = column.cat.remove_unused_categories()
    _check_known(used, place, classes)
    places = [float(place[name]) for name in used.cat.categories]
    return np.array([*places, np.nan])[used.cat.codes]


def _check_known(used: "pd.Series[Any]", place: Mapping[str, int], classes: Sequence[str]) -> None:
    unknown = sorted(set(used.cat.categories) - set(place))
    known = ", ".join(classes[:20])
    require(
        not unknown,
        f"Column {used.name!r} should hold the classes that were learned: {known}. Found "
        f"{unknown[:1]}.",
    )


__all__ = ["TableForm", "rows_with_labels"]
