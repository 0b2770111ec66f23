"""The dtypes that carry values."""

import datetime
import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from quickstudy.tasks.tables.carriers import (
    WRITTEN,
    as_numbers,
    as_text,
    carrier_of,
    is_written,
)

ARROW = pd.ArrowDtype


@pytest.mark.parametrize(
    ("values", "carrier"),
    [
        (pd.Series([1, 2]), "number"),
        (pd.Series([1, None], dtype="Int8"), "number"),
        (pd.Series([1.5, None], dtype=object), "number"),
        (pd.Series([decimal.Decimal("1.5"), 2]), "number"),
        (pd.Series([decimal.Decimal(1)], dtype=ARROW(pa.decimal128(5, 2))), "number"),
        (pd.Series([pd.Timedelta(days=1)]), "number"),
        (pd.Series([None, None], dtype=object), "number"),
        (pd.Series([True, None], dtype=object), "truth"),
        (pd.Series([True, None], dtype="boolean"), "truth"),
        (pd.Series([True], dtype=ARROW(pa.bool_())), "truth"),
        (pd.Series(["a", None]), "text"),
        (pd.Series(["a"], dtype=object), "text"),
        (pd.Series(["a"], dtype=ARROW(pa.string())), "text"),
        (pd.Series(["a"], dtype="category"), "category"),
        (pd.Series([1, "a"], dtype=object), "mixed"),
        (pd.Series([datetime.date(2020, 1, 1)]), "date"),
        (pd.Series([datetime.date(2020, 1, 1)], dtype=ARROW(pa.date32())), "date"),
        (pd.Series(pd.PeriodIndex(["2020"], freq="Y")), "date"),
        (pd.Series([[1], [2]]), "other"),
        (pd.Series([1j]), "other"),
    ],
)
def test_what_a_dtype_carries(values, carrier):
    assert carrier_of(values) == carrier


def test_numbers_of_every_dtype():
    for values in (
        pd.Series([1, None], dtype="Int64"),
        pd.Series([decimal.Decimal(1), None]),
        pd.Series([True, None], dtype="boolean"),
        pd.Series([pd.Timedelta(days=1), None]),
        pd.Series([1, pd.NA], dtype=object),
    ):
        np.testing.assert_array_equal(as_numbers(values), [1, np.nan])


def test_text_is_one_array():
    parts = pd.concat([pd.Series(["a"], dtype=ARROW(pa.string()))] * 2, ignore_index=True)
    assert as_text(parts).to_pylist() == ["a", "a"] and as_text(parts).type == pa.large_string()
    assert as_text(pd.Series(["a", None])).to_pylist() == ["a", None]


def test_cells_of_a_file_are_marked():
    frame = pd.DataFrame({"a": ["1"]})
    assert not is_written(frame)
    frame.attrs[WRITTEN] = True
    assert is_written(frame[frame["a"] == "1"][["a"]])
