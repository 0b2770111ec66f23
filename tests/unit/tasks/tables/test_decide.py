"""What training decides of a column."""

import decimal

import pandas as pd
import pytest

import quickstudy as qs
from quickstudy.tasks.tables.decide import Hint, decide, decide_as, refuse_many, writes_commas

CELLS = Hint(cells=True)


def column(values, dtype=None) -> pd.Series:
    return pd.Series(values, dtype=dtype, name="c")


@pytest.mark.parametrize(
    ("values", "kind", "why"),
    [
        (["1", "2.5", ""], "number", "numbers"),
        (["1", "NA", "?"], "number", "numbers"),
        (["1,5", "2,5"], "number", "numbers, decimal commas"),
        (["$1,200", "$5"], "number", "numbers, commas between thousands, a currency"),
        ([None, None], "number", "no cell is filled"),
        (["NA", "nan"], "number", "no cell is filled"),
        (["01", "02", "10"], "category", "numbers with zeros before them"),
        (["0", "1", "10"], "number", "numbers"),
        (["true", "FALSE", "NA"], "truth value", "true and false"),
        (["2020-01-01", "", "2020-02-01"], "date", "dates"),
        (["31.12.2020", "01.01.2021"], "date", "dates as %d.%m.%Y"),
        (["1", "2", "A"], "category", "text of 3 values"),
        (["NA", "a", "None"], "category", "text of 1 values"),
    ],
)
def test_cells_of_a_file(values, kind, why):
    found = decide(column(values, object), CELLS)
    assert (found.kind, found.why) == (kind, why)


@pytest.mark.parametrize(
    ("values", "dtype", "kind"),
    [
        ([1, 2], None, "number"),
        ([decimal.Decimal("1.5"), decimal.Decimal(2)], object, "number"),
        ([1, "2", 3.5], object, "number"),
        ([1, "A"], object, "category"),
        (["1", "2"], None, "category"),
        (["1.5", "2"], None, "number"),
        ([1, 2], "category", "category"),
        ([True, None], object, "truth value"),
        (["2020-01-01"], None, "date"),
        (pd.to_datetime(["2020-01-01"]), None, "date"),
    ],
)
def test_dtypes_of_a_frame(values, dtype, kind):
    assert decide(column(values, dtype), Hint()).kind == kind


def test_missing_cells_are_counted():
    assert decide(column(["1", "NA", "", None]), CELLS).empty == 3
    assert decide(column(["a", "NA", "", None]), CELLS).empty == 2
    assert decide(column(["a", "NA", ""]), Hint(("NA",), cells=True)).empty == 2
    assert decide(column([1, None]), Hint()).empty == 1


def test_day_and_month_in_doubt_are_told():
    assert "nothing says whether the day" in decide(column(["01/02/2020"]), CELLS).why


def test_long_text_and_many_categories_are_refused_with_a_way():
    text = column([f"customer {i} wrote that the parcel came late" for i in range(40)])
    found = decide(text, CELLS)
    assert found.kind == "text"
    with pytest.raises(qs.UserError, match=r"Column 'c' holds free text .*--ignore c.*--categor"):
        refuse_many(found, text)
    many = column([f"v{i}" for i in range(201)])
    with pytest.raises(qs.UserError, match=r"at most 200 categories.* Found 201: leave it out"):
        refuse_many(decide(many, CELLS), many)


def test_measured_numbers_with_an_odd_word_are_refused():
    values = column([f"{index / 8}" for index in range(40)] + ["n.d."])
    with pytest.raises(qs.UserError, match=r"'c' holds numbers but for 'n.d.': .*--missing"):
        refuse_many(decide(values, CELLS), values)
    assert decide(values, Hint(("n.d.",), cells=True)).kind == "number"
    codes = column([str(index) for index in range(40)] + ["A7"])
    assert decide(codes, CELLS).kind == "category"


def test_what_is_asked_for():
    assert decide_as("category", column(["1", "2"]), CELLS).kind == "category"
    assert decide_as("number", column(["1", "2"]), Hint()).kind == "number"
    assert decide_as("ignore", column([[1]]), Hint()).kind == "ignore"
    assert decide_as("date", column([20200101, 20200102]), Hint()).written == "%Y%m%d"
    assert decide_as("%d/%m/%Y", column(["01/02/2020"]), Hint()).written == "%d/%m/%Y"
    with pytest.raises(qs.UserError, match=r"should hold numbers. Found .b."):
        decide_as("number", column(["1", "b"]), CELLS)
    with pytest.raises(qs.UserError, match=r"should hold dates. Found .b."):
        decide_as("date", column(["b"]), CELLS)


def test_lists_are_refused():
    with pytest.raises(qs.UserError, match=r"Column 'c' should hold a number, .* leave it out"):
        decide(column([[1], [2]]), Hint())


def test_decimal_commas_without_doubt():
    assert writes_commas(column(["1,5", "NA"]), ()) and not writes_commas(column(["1,500"]), ())
    assert not writes_commas(column(["a", "1,5"]), ())
