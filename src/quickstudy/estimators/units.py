"""The units and the shape in which targets were given, and predictions are."""

from dataclasses import dataclass

import numpy as np
import torch

from quickstudy.tasks.table_form import TableForm

Interval = tuple[np.ndarray, np.ndarray]
"""The lower and the upper bounds of targets, ``[row]`` or ``[row, target]`` each."""


@dataclass(frozen=True, eq=False)
class Units:
    """Gives scaled numbers as the targets were given when fitting.

    Attributes:
        form: Knows the mean and the scale of every target.
        one_dimensional: Whether targets were ``[row]``, not ``[row, target]``.
    """

    form: TableForm
    one_dimensional: bool

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Give scaled targets ``[row, target]`` in their units, ``[row]`` or ``[row, target]``."""
        found: np.ndarray = self.form.unscaled(torch.from_numpy(values)).numpy()
        return found[:, 0] if self.one_dimensional else found

    def pair(self, values: np.ndarray) -> Interval:
        """Give the lower and the upper bounds of targets.

        Args:
            values: Both, scaled, one after the other along the last axis ``[row, 2 target]``.
        """
        low, high = np.split(values, 2, axis=1)
        return self(low), self(high)


__all__ = ["Interval", "Units"]
