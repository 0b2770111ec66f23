"""The choice of a structure: held-out tasks, parts, and what is chosen on planted tables."""

import math

import pytest
import torch

from quickstudy.learners.priors.choice import best, fitted, folds, held_out
from quickstudy.learners.priors.fits import intercept_only
from quickstudy.learners.priors.moments import Moments
from quickstudy.learners.priors.prior import Prior
from tests.unit.learners.points import drawn_rows
from tests.unit.learners.priors.planted import DOUBLE, draws, moments_of


def scaled(moments: Moments) -> Moments:
    return moments.scaled(*moments.deviations())


def test_parts_hold_every_task_once_and_rows_alike():
    moments = moments_of("parts", 23)
    masks = folds(moments)
    assert torch.stack(masks).sum(0).tolist() == [1] * 23 and len(masks) == 5
    rows = [float(moments.count[mask].sum()) for mask in masks]
    assert max(rows) - min(rows) <= float(moments.count.max()) + 5


def test_held_out_tasks_are_judged_by_a_fit_of_the_others():
    moments = scaled(moments_of("held out", 20))
    fit = intercept_only(moments)
    found = held_out(fit, moments)
    part = folds(moments)[0]
    others = intercept_only(moments.of_tasks(~part))
    expected = Prior.at(others.evidence).log_densities(moments.of_tasks(part))
    torch.testing.assert_close(found[part], expected, rtol=0, atol=0.02)


@pytest.mark.parametrize(
    ("factor", "chosen"),
    [
        ([[0.0, 0.0], [0.0, 0.8]], ("intercept",)),
        ([[0.8, 0.0], [0.75, 0.3]], ("full", "sparse")),
    ],
)
def test_the_structure_that_was_planted_is_chosen(factor, chosen):
    mean = torch.tensor([1.0, 2.0], dtype=DOUBLE)
    rows = drawn_rows(draws("chosen"), 80, 10, mean, torch.tensor(factor, dtype=DOUBLE), 0.5)
    moments = scaled(Moments.of(*rows))
    name, density = best(fitted(moments, "auto"), moments)
    assert name in chosen and math.isfinite(density)


def test_with_few_tasks_only_the_intercept_differs():
    moments = scaled(moments_of("few", 3))
    fits = fitted(moments, "full")
    name, density = best(fits, moments)
    assert list(fits) == ["intercept"] == [name] and math.isnan(density)
