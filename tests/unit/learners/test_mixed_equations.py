"""The eliminated equations are the dense ones, and the slope is the derivative."""

import numpy as np
import pytest

from quickstudy.learners import mixed_equations
from quickstudy.learners.mixed_design import Design, Grouping, Sums
from quickstudy.learners.mixed_equations import solve_effects

ROWS, SCHOOLS, TEACHERS = 120, 12, 5


@pytest.fixture
def draw():
    return np.random.default_rng(0)


@pytest.fixture
def rows(draw):
    """Schools with an intercept and a slope, crossed with teachers who have an intercept."""
    x, one = draw.normal(size=ROWS), np.ones(ROWS)
    both = np.stack([one, x], 1)
    schools = Grouping(draw.integers(0, SCHOOLS, ROWS), SCHOOLS, both)
    teachers = Grouping(draw.integers(0, TEACHERS, ROWS), TEACHERS, one[:, None])
    return Design(both, (teachers, schools)), 1 + 2 * x + draw.normal(size=ROWS)


FACTORS = (np.array([[0.9]]), np.array([[1.3, 0.0], [0.2, 0.8]]))


def dense(design):
    """All whitened columns and the matrix of the equations, with nothing eliminated."""
    columns = np.hstack(
        [
            g.matrix.toarray() @ np.kron(np.eye(g.num_levels), factor)
            for g, factor in zip(design.groupings, FACTORS, strict=True)
        ]
        + [design.fixed]
    )
    random = columns.shape[1] - design.fixed.shape[1]
    return columns, columns.T @ columns + np.diag([1.0] * random + [0.0] * design.fixed.shape[1])


def test_the_elimination_is_exact(rows):
    design, y = rows
    solution = solve_effects(Sums.of(design, y), FACTORS)
    columns, equations = dense(design)
    effects = np.linalg.solve(equations, columns.T @ y)
    np.testing.assert_allclose(solution.dense[:TEACHERS], effects[:TEACHERS], atol=1e-12)
    np.testing.assert_allclose(solution.main.ravel(), effects[TEACHERS:-2], atol=1e-12)
    np.testing.assert_allclose(solution.coefficients, effects[-2:], atol=1e-12)
    assert solution.square == pytest.approx(y @ y - effects @ (columns.T @ y), rel=1e-12)
    assert solution.log_determinant == pytest.approx(np.linalg.slogdet(equations)[1], rel=1e-12)


def test_predictions_have_the_posterior_mean_and_variance(rows, monkeypatch):
    monkeypatch.setattr(mixed_equations, "ROWS_AT_ONCE", 50)  # several parts
    design, y = rows
    solution = solve_effects(Sums.of(design, y), FACTORS)
    columns, equations = dense(design)
    mean, variance = solution.predict(design)
    np.testing.assert_allclose(mean, columns @ np.linalg.solve(equations, columns.T @ y))
    spread = np.einsum("ij,ji->i", columns, np.linalg.solve(equations, columns.T))
    np.testing.assert_allclose(variance, solution.noise * spread)


def test_a_level_that_is_not_known_has_the_covariance_of_its_grouping(rows):
    design, y = rows
    solution = solve_effects(Sums.of(design, y), FACTORS)
    teachers, schools = design.groupings
    known, _ = solution.predict(Design(design.fixed, (teachers, schools)))
    unknown = Grouping(np.full(ROWS, -1), SCHOOLS, schools.effects)
    mean, variance = solution.predict(Design(design.fixed, (teachers, unknown)))
    own = (schools.effects * solution.effects(1)[schools.level]).sum(1)
    np.testing.assert_allclose(mean, known - own)
    spread = np.square(schools.effects @ FACTORS[1]).sum(1)
    assert (variance >= solution.noise * spread).all()


@pytest.mark.parametrize(
    ("grouping", "entry"), [(0, (0, 0)), (1, (0, 0)), (1, (1, 0)), (1, (1, 1))]
)
def test_the_slope_is_the_derivative_of_the_deviance(rows, grouping, entry):
    sums = Sums.of(*rows)

    def deviance(change):
        moved = [factor.copy() for factor in FACTORS]
        moved[grouping][entry] += change
        return solve_effects(sums, moved).deviance

    expected = (deviance(1e-5) - deviance(-1e-5)) / 2e-5
    assert solve_effects(sums, FACTORS).slope(grouping)[entry] == pytest.approx(expected, rel=1e-6)
