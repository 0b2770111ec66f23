"""The regressor of crossed and nested groups."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import quickstudy as qs
from quickstudy.learners.crossed_effects import CrossedEffects
from quickstudy.learners.mixed_design import Design, Grouping

ROWS = 500


@pytest.fixture
def table():
    """Marks of students in courses, with an age whose effect differs between courses."""
    draw = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "student": draw.integers(0, 30, ROWS),
            "course": draw.choice(list("abcdefgh"), ROWS),
            "age": draw.uniform(18, 30, ROWS),
            "sex": draw.choice(["f", "m"], ROWS),
        }
    )
    ability = draw.normal(0, 2, 30)[rows["student"]]
    course = rows["course"].map(dict(zip("abcdefgh", draw.normal(0, 1, 8), strict=True)))
    steep = rows["course"].map(dict(zip("abcdefgh", draw.normal(0, 0.3, 8), strict=True)))
    noise = draw.normal(0, 0.5, ROWS)
    return rows, (10 + ability + course + steep * (rows["age"] - 24) + noise).to_numpy()


def fitted(table, **options):
    return qs.CrossedRegressor(groups=["student", "course"], **options).fit(*table)


def test_it_is_the_mixed_model_of_its_columns(table):
    rows, y = table
    model = fitted(table, slopes={"course": ["age"]})
    one = np.ones(ROWS)
    age = (rows["age"] - rows["age"].mean()) / rows["age"].std(ddof=0)
    female = (rows["sex"] == "f").to_numpy(dtype=float)
    student = Grouping(rows["student"].to_numpy(), 30, one[:, None])
    course = Grouping(pd.factorize(rows["course"], sort=True)[0], 8, np.stack([one, age], 1))
    design = Design(np.stack([one, age, female], 1), (student, course))
    expected, variance = CrossedEffects.fit(design, y).predict(design)
    np.testing.assert_allclose(model.predict(rows), expected, atol=1e-3)
    low, high = model.predict_interval(rows, 0.9)
    np.testing.assert_allclose((high - low) / 2, 1.6449 * np.sqrt(variance), rtol=1e-3)
    deviations = model.spread_.set_index(["group", "effect"])["deviation"]
    assert deviations["student", "intercept"] == pytest.approx(2, rel=0.3)
    assert deviations["noise", ""] == pytest.approx(0.5, rel=0.1)


def test_units_do_not_matter(table):
    rows, y = table
    expected = fitted(table).predict(rows)
    for unit in (1e-12, 1e12):
        np.testing.assert_allclose(fitted((rows, unit * y)).predict(rows), unit * expected)


def test_a_slope_is_chosen_if_it_differs_between_levels(table):
    model = fitted(table, slopes="auto")
    assert "age" in model.slopes_["course"]
    assert "age" not in model.slopes_["student"]


def test_nested_levels_are_those_of_the_pair(table):
    rows, y = table
    nested = qs.CrossedRegressor(groups=["student", "student/course"]).fit(rows, y)
    pair = rows["student"].astype(str) + rows["course"]
    same = qs.CrossedRegressor(groups=["student", "pair"]).fit(
        rows.drop(columns="course").assign(pair=pair), y
    )
    np.testing.assert_allclose(
        nested.predict(rows), same.predict(rows.drop(columns="course").assign(pair=pair)), rtol=1e-6
    )


def test_levels_match_whatever_type_carries_them(table):
    rows, _ = table
    model = fitted(table)
    expected = model.predict(rows)
    for kind in (float, str, "category"):
        other = rows.assign(student=rows["student"].astype(kind))
        np.testing.assert_allclose(model.predict(other), expected)


def test_a_new_level_is_predicted_wider_and_adapted_to(table):
    rows, _ = table
    model = fitted(table)
    new = rows[:6].assign(student=99)
    narrow, wide = (np.diff(model.predict_interval(x), axis=0)[0] for x in (rows[:6], new))
    assert (wide > narrow).all()
    before = model.predict(new)
    adapted = model.adapt(new, before + 10)
    after = adapted.predict(new)
    assert (after > before + 5).all() and (after < before + 10).all()
    assert (np.diff(adapted.predict_interval(new), axis=0)[0] < wide).all()
    assert adapted.level_effects("student").loc["99", "intercept"] > 5
    np.testing.assert_allclose(model.predict(new), before)  # this one stays as it is


def test_it_is_an_estimator_of_scikit_learn(table):
    rows, y = table
    model = clone(qs.CrossedRegressor(groups=["student"], slopes=["age"]))
    assert model.fit(rows, y).score(rows, y) > 0.5
    assert model.get_params() == {"groups": ["student"], "slopes": ["age"], "correlated": False}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": ["nobody"]}, "a column \\['nobody'\\]"),
        ({"groups": ["student", "student"]}, "different columns"),
        ({"groups": ["student"], "slopes": ["weight"]}, "name features: age, sex=f, sex=m"),
        ({"groups": ["student"], "slopes": {"course": ["age"]}}, "speak of the groups"),
        ({"groups": ["student"], "slopes": "all"}, "'auto' or columns"),
    ],
)
def test_wrong_options_are_one_line(table, options, message):
    rows, y = table
    with pytest.raises(qs.UserError, match=message):
        qs.CrossedRegressor(**options).fit(rows.drop(columns="course"), y)


def test_rows_of_no_level_and_arrays_are_refused(table):
    rows, y = table
    with pytest.raises(qs.UserError, match="Found 1 empty cells"):
        fitted((rows.assign(student=rows["student"].where(rows.index > 0)), y))
    with pytest.raises(qs.UserError, match="a DataFrame"):
        fitted((rows.to_numpy(), y))
    with pytest.raises(qs.UserError, match="finite"):
        fitted((rows, np.where(np.arange(ROWS) > 0, y, np.nan)))


def test_a_row_whose_level_is_not_known_is_predicted_by_the_others(table):
    rows, _ = table
    model = fitted(table)
    empty = rows.assign(student=np.nan)
    np.testing.assert_allclose(model.predict(empty), model.predict(rows.assign(student=77)))
