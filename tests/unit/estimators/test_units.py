"""Targets come back in the units and the shape in which they were given."""

import numpy as np
import torch

from quickstudy.estimators.units import Units
from quickstudy.tasks.table_form import TableForm
from tests.unit.ladder.small import table


def test_scaling_and_units_are_inverse():
    whole = table(5, 4).whole()
    form = TableForm.of(whole, {"y": ()})
    y = torch.tensor([[3.0], [-1.0]], dtype=torch.float64)
    scaled = form.scaled(y).numpy()
    np.testing.assert_allclose(Units(form, False)(scaled), y.numpy())
    np.testing.assert_allclose(Units(form, True)(scaled), y[:, 0].numpy())
    low, high = Units(form, True).pair(np.c_[scaled, scaled[::-1]])
    np.testing.assert_allclose(low, [3, -1])
    np.testing.assert_allclose(high, [-1, 3])
