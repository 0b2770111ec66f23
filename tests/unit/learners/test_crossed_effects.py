"""Crossed effects: closed forms, planted spreads, calibration."""

import numpy as np
import pytest
from scipy.stats import kstest

from quickstudy import UserError
from quickstudy.learners.crossed_effects import CrossedEffects, Factor, Factors, independent
from quickstudy.learners.mixed_design import Design, Grouping
from quickstudy.learners.mixed_equations import solve_effects


def intercepts(level, num_levels):
    """Make a grouping whose levels have an intercept."""
    return Grouping(level, num_levels, np.ones((len(level), 1)))


def crossed(draw, rows=600, students=40, lecturers=25, spread=(0.5, 1.0), noise=1.0):
    """Draw rows of students and lecturers; give the design, the targets and the true effects."""
    groupings = tuple(intercepts(draw.integers(0, n, rows), n) for n in (students, lecturers))
    effects = [s * draw.normal(size=g.num_levels) for s, g in zip(spread, groupings, strict=True)]
    x = draw.normal(size=rows)
    fixed = np.stack([np.ones(rows), x], 1)
    shares = sum(b[g.level] for b, g in zip(effects, groupings, strict=True))
    return Design(fixed, groupings), 3 - x + shares + noise * draw.normal(size=rows), effects


def test_a_balanced_layout_has_the_estimates_of_the_analysis_of_variance():
    draw, groups, size = np.random.default_rng(1), 15, 6
    level = np.repeat(np.arange(groups), size)
    y = draw.normal(size=groups)[level] + draw.normal(size=len(level))
    found = CrossedEffects.fit(Design(np.ones((len(y), 1)), (intercepts(level, groups),)), y)
    means = y.reshape(groups, size).mean(1)
    within = np.square(y - means[level]).sum() / (groups * (size - 1))
    between = (size * means.var(ddof=1) - within) / size
    assert found.solution.noise == pytest.approx(within, rel=1e-4)
    assert found.covariances[0].item() == pytest.approx(between, rel=1e-3)
    share = between / (between + within / size)
    np.testing.assert_allclose(
        found.solution.effects(0)[:, 0], share * (means - y.mean()), rtol=1e-3, atol=1e-6
    )


def test_a_spread_that_is_not_there_is_found_to_be_none():
    draw = np.random.default_rng(2)
    design, y, _ = crossed(draw, spread=(0.0, 1.0))
    found = CrossedEffects.fit(design, y)
    assert found.covariances[0].item() < 0.02 < 0.5 < found.covariances[1].item()


def test_planted_slopes_and_their_correlation_are_found():
    draw, rows, groups = np.random.default_rng(3), 6000, 300
    level, x = draw.integers(0, groups, rows), draw.normal(size=rows)
    both = np.stack([np.ones(rows), x], 1)
    true = np.array([[1.0, 0.6], [0.6, 0.8]])
    effects = draw.normal(size=(groups, 2)) @ np.linalg.cholesky(true).T
    y = (both * effects[level]).sum(1) + 0.5 * draw.normal(size=rows)
    design = Design(both, (Grouping(level, groups, both),))
    found = CrossedEffects.fit(design, y, [True])
    np.testing.assert_allclose(found.covariances[0], true, atol=0.15)
    assert found.solution.noise == pytest.approx(0.25, rel=0.05)
    assert found.criterion < CrossedEffects.fit(design, y).criterion


def test_further_rows_count_as_if_they_had_been_there():
    design, y, _ = crossed(np.random.default_rng(4))
    first, rest = np.arange(400), np.arange(400, 600)

    def part(rows):
        groupings = (intercepts(g.level[rows], g.num_levels) for g in design.groupings)
        return Design(design.fixed[rows], tuple(groupings))

    found = CrossedEffects.fit(part(first), y[first])
    whole = solve_effects(found.given(part(rest), y[rest]).solution.sums, found.solution.factors)
    expected, _ = CrossedEffects(whole, y, 2).predict(design)
    np.testing.assert_allclose(found.given(part(rest), y[rest]).predict(design)[0], expected)
    assert found.given(part(rest), y[rest]).solution.sums.num_rows == 600


def test_intervals_cover_new_rows_of_known_and_of_new_levels():
    draw, inside = np.random.default_rng(5), []
    for _ in range(20):
        design, y, _ = crossed(draw, rows=500)
        known = np.arange(500) < 300
        students, lecturers = design.groupings
        hidden = np.where(lecturers.level < 20, lecturers.level, -1)
        train = known & (hidden >= 0)

        def part(rows, level, students=students, fixed=design.fixed):
            groupings = (intercepts(students.level[rows], 40), intercepts(level[rows], 25))
            return Design(fixed[rows], groupings)

        found = CrossedEffects.fit(part(train, hidden), y[train])
        mean, variance = found.predict(part(~known, hidden))
        inside.append(np.abs(y[~known] - mean) < 1.645 * np.sqrt(variance))
    assert np.mean(inside) == pytest.approx(0.9, abs=0.02)


def test_the_posterior_of_effects_is_calibrated():
    """The rank of the true effect is uniform, if the covariances are the true ones."""
    draw, places = np.random.default_rng(6), []
    for _ in range(200):
        design, y, effects = crossed(draw, rows=120, students=10, lecturers=8, spread=(0.5, 1.0))
        fitted = CrossedEffects.fit(design, y)
        solution = solve_effects(fitted.solution.sums, [np.array([[0.5]]), np.array([[1.0]])])
        one = Design(np.zeros((1, 2)), tuple(intercepts(np.array([0]), n) for n in (10, 8)))
        only = Design(one.fixed, (one.groupings[0], intercepts(np.array([-1]), 8)))
        mean, variance = solution.predict(only)
        spread = variance / solution.noise - 1.0  # the lecturer's own variance is not asked for
        places.append((effects[0][0] - mean[0]) / np.sqrt(spread[0]))
    assert kstest(places, "norm").pvalue > 0.01


def test_columns_that_others_span_are_left_out():
    draw = np.random.default_rng(7)
    first = draw.normal(size=(30, 2))
    columns = np.hstack([first, first.sum(1, keepdims=True), np.zeros((30, 1))])
    kept = independent(columns)
    assert len(kept) == 2 and np.linalg.matrix_rank(columns[:, kept]) == 2
    assert independent(np.empty((5, 0))).size == 0


def test_fewer_rows_than_features_are_refused():
    level = np.array([0, 1])
    with pytest.raises(UserError, match="Found 2 rows and 3 features"):
        CrossedEffects.fit(Design(np.eye(2, 3), (intercepts(level, 2),)), np.ones(2))


def test_the_free_entries_of_all_groupings_are_one_vector():
    free = Factors((Factor(2, correlated=True), Factor(1)))
    first, second = free.matrices(np.log([2.0, 3.0, np.exp(0.5), 4.0]))
    np.testing.assert_allclose(first, [[2, 0], [0.5, 3]])
    np.testing.assert_allclose(second, [[4]])
    assert len(free.start) == len(free.bounds) == 4
    assert free.bounds[2] == (None, None)
