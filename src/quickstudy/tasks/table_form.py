"""What the rows of a table become on their way into a model and out of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from quickstudy.tasks.encoder import Encoder, check_columns, numbers


@dataclass(frozen=True)
class TableForm:
    """Features as training rows scaled them, and targets of mean 0 and standard deviation 1 of the training rows.

    Attributes:
        encoder: Columns to features.
        targets: The columns that are predicted.
        mean: Of each target.
        scale: Standard deviation of each target.
    """

    encoder: Encoder
    targets: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]

    def inputs(self, frame: pd.DataFrame) -> Tensor:
        """The features ``[row, feature]``."""
        return torch.from_numpy(self.encoder(frame)).to(torch.get_default_dtype())

    def outputs(self, frame: pd.DataFrame) -> Tensor:
        """The scaled targets ``[row, target]``, NaN where a cell is empty.

        Raises:
            UserError: If a column is missing, or holds text or infinity.
        """
        check_columns(frame, list(self.targets))
        columns = np.stack([numbers(frame[name]) for name in self.targets], 1)
        return ((torch.from_numpy(columns) - torch.tensor(self.mean)) / torch.tensor(self.scale)).to(torch.get_default_dtype())

    def unscaled(self, values: Tensor) -> Tensor:
        """Scaled targets ``[..., target]`` in the table's units."""
        return values * values.new_tensor(self.scale) + values.new_tensor(self.mean)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, to be kept with a run."""
        return {"encoder": self.encoder.to_dict(), "targets": list(self.targets), "mean": list(self.mean), "scale": list(self.scale)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TableForm":
        """What :meth:`to_dict` gave."""
        return cls(Encoder.from_dict(values["encoder"]), *(tuple(values[name]) for name in ("targets", "mean", "scale")))


__all__ = ["TableForm"]
