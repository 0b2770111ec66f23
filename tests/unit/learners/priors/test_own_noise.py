"""Noise of each task: what was planted, and closed forms."""

import math
from dataclasses import replace

import pytest
import torch

from quickstudy.learners.priors.moments import Moments
from quickstudy.learners.priors.own_noise import freedoms, likeliest_shape, precisions
from quickstudy.learners.priors.prior import Prior
from tests.unit.learners.priors.planted import DOUBLE, draws

ROWS = 12


def drawn(shape: float, tasks: int = 400) -> tuple[Moments, torch.Tensor]:
    """Rows around 0 with noise of its own for each task, and the tasks' relative precisions."""
    generator = draws("own noise")
    precision = torch.ones(tasks, dtype=DOUBLE)
    if math.isfinite(shape):
        parts = torch.randn(tasks, round(2 * shape), generator=generator, dtype=DOUBLE)
        precision = parts.square().sum(1) / (2 * shape)
    y = torch.randn(tasks, ROWS, generator=generator, dtype=DOUBLE)
    y = (y / precision.sqrt().unsqueeze(1)).flatten()
    return Moments.of(torch.ones(len(y), 1, dtype=DOUBLE), y, [ROWS] * tasks), precision


def known(shape: float) -> Prior:
    one = torch.ones(1, dtype=DOUBLE)
    return Prior(0 * one, 1e-9 * one.reshape(1, 1), one.squeeze(), shape=shape)


@pytest.mark.parametrize("shape", [1.5, 3.0])
def test_a_planted_shape_is_found(shape):
    found = likeliest_shape(known(math.inf), drawn(shape)[0]).shape
    assert shape / 1.6 <= found <= shape * 1.6


def test_equal_noise_is_found_to_be_equal():
    assert likeliest_shape(known(math.inf), drawn(math.inf)[0]).shape >= 40


def test_the_precision_is_the_mean_of_the_conjugate_posterior():
    moments, planted = drawn(3.0)
    found = precisions(known(3.0), moments)
    expected = (3 + ROWS / 2) / (3 + moments.square / 2)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=0)
    assert float(torch.corrcoef(torch.stack([found, planted]))[0, 1]) > 0.7
    assert torch.equal(precisions(known(math.inf), moments), torch.ones(400, dtype=DOUBLE))


def test_a_task_without_rows_has_the_priors_precision():
    moments, _ = drawn(3.0)
    none = replace(moments, gram=0 * moments.gram, cross=0 * moments.cross, count=0 * moments.count)
    none = replace(none, square=0 * moments.square)
    expected = torch.ones(400, dtype=DOUBLE)
    torch.testing.assert_close(precisions(known(3.0), none), expected, rtol=1e-3, atol=0)


def test_degrees_of_freedom_count_rows():
    found = freedoms(torch.tensor([2.0, math.inf]), torch.tensor([0.0, 7.0]))
    assert found.tolist() == [[4.0, 1e6], [11.0, 1e6]]
