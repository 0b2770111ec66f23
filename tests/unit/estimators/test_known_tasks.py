"""Known tasks are found by a column or an array, and a new one is served by what all share."""

import numpy as np
import pandas as pd
import pytest

import quickstudy as qs
from quickstudy.estimators.known_tasks import without_column

PRICE = np.arange(12.0)
SHOP = np.repeat(["a", "b", "c"], 4)
FRAME = pd.DataFrame({"price": PRICE, "shop": SHOP})
LEVEL = {"a": 0.0, "b": 100.0, "c": 200.0}
SOLD = FRAME["shop"].map(LEVEL).to_numpy() + 0.01 * PRICE


@pytest.fixture(scope="module")
def model():
    return qs.MultiTaskRegressor("single_task").fit(FRAME, SOLD, task="shop")


def test_an_array_says_the_task_in_place_of_the_column(model):
    known = model.fitted_.known
    assert known.column == "shop" and known.names.tolist() == ["a", "b", "c"]
    by_column = model.predict(FRAME)
    np.testing.assert_allclose(by_column, SOLD, atol=1)
    np.testing.assert_array_equal(model.predict(FRAME[["price"]], task=SHOP), by_column)
    other = model.predict(FRAME, task=np.roll(SHOP, 4))
    np.testing.assert_allclose(other - other[0], np.roll(SOLD, 4) - np.roll(SOLD, 4)[0], atol=1)
    np.testing.assert_array_equal(model.predict(FRAME, task="shop"), by_column)


def test_the_task_has_to_be_said_if_there_are_several(model):
    with pytest.raises(qs.UserError, match=r"3 were learned. Found none"):
        model.predict(FRAME[["price"]])


def test_a_new_task_loses_its_column():
    assert without_column(FRAME[:4], "shop").columns.tolist() == ["price"]
    assert without_column(FRAME, None) is FRAME
    with pytest.raises(qs.UserError, match=r"rows of one task to adapt to. Found 3"):
        without_column(FRAME, "shop")
