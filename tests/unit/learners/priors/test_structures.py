"""Structures of a covariance: gradients by differences, and what their parameters mean."""

import pytest
import torch

from quickstudy.learners.priors.structures import Full, Similar, Tied
from tests.unit.learners.priors.planted import DOUBLE, moments_of

ALL = torch.arange(3)
MOMENTS = moments_of("structures", 40)
AT = {
    "tied": (
        Tied(MOMENTS, ALL, torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], dtype=DOUBLE)),
        [0.4, 0.7, 0.3],
    ),
    "similar": (Similar(MOMENTS, ALL), [-1.0, -0.5, -0.7, -0.8, 0.4]),
    "full": (
        Full(MOMENTS, ALL, torch.tensor([0.3, 0.5, 0.7], dtype=DOUBLE), 4.0),
        [0.1, 0.2, -0.1, 0.3, 0.2, 0.1, 0.5],
    ),
}


@pytest.mark.parametrize("name", AT)
def test_gradients_are_those_of_differences(name):
    structure, at = AT[name]
    point, step = torch.tensor(at, dtype=DOUBLE), 1e-5
    for index, slope in enumerate(structure(point)[1].tolist()):
        away = torch.zeros_like(point)
        away[index] = step
        expected = (structure(point + away)[0] - structure(point - away)[0]) / (2 * step)
        assert slope == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_parameters_are_the_covariance_that_they_say():
    tied, at = AT["tied"]
    factor = tied.evidence(torch.tensor(at, dtype=DOUBLE)).factor
    assert factor.diagonal().tolist() == [0.4, 0.4, 0.7]
    similar, at = AT["similar"]
    point = torch.tensor(at, dtype=DOUBLE)
    torch.testing.assert_close(similar.evidence(point).factor.diagonal(), point[:3].exp())
    around = AT["full"][0]
    start = torch.cat([around.start, torch.zeros(1, dtype=DOUBLE)])
    torch.testing.assert_close(around.evidence(start).factor, torch.diag(around.deviations))
    # the mode of its prior
    assert float(around.log_prior(start)[1].abs().max()) < 1e-12
