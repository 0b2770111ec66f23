"""Climbing: a quadratic's maximum, and what is refused."""

from itertools import pairwise

import pytest
import torch

import quickstudy as qs
from quickstudy.learners.priors.ascent import ascend

TOP = torch.tensor([1.0, -2.0], dtype=torch.float64)


def hill(at: torch.Tensor) -> tuple[float, torch.Tensor]:
    curvature = torch.tensor([1.0, 30.0], dtype=torch.float64)
    return -float((curvature * (at - TOP) ** 2).sum()), -2 * curvature * (at - TOP)


def test_it_finds_the_top_and_never_goes_down():
    found, values = ascend(hill, torch.zeros(2, dtype=torch.float64), tolerance=1e-9)
    torch.testing.assert_close(found, TOP, rtol=0, atol=1e-4)
    assert values[0] == hill(torch.zeros(2, dtype=torch.float64))[0]
    assert all(later >= earlier for earlier, later in pairwise(values))


def test_a_step_into_nowhere_goes_back():
    def cliff(at: torch.Tensor) -> tuple[float, torch.Tensor]:
        if float(at[0]) > 1.5:
            raise torch.linalg.LinAlgError
        return hill(at)

    found, _ = ascend(cliff, torch.tensor([-9.0, 5.0], dtype=torch.float64), tolerance=1e-9)
    torch.testing.assert_close(found, TOP, rtol=0, atol=1e-3)


def test_a_start_that_is_not_finite_is_refused():
    with pytest.raises(qs.UserError, match=r"should be finite\. Found nan"):
        ascend(lambda at: (float("nan"), at), TOP)
