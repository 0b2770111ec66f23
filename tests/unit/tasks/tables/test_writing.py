"""Numbers in every writing are the numbers that they are."""

import pyarrow as pa
import pytest

from quickstudy.tasks.tables.writing import (
    PLAINLY,
    Writing,
    has_commas,
    is_missing_number,
    writing_of,
)


def words(*values: str) -> pa.Array:
    return pa.array(values, pa.large_string())


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (("1", "-2.5", "+3", ".5", "1e5", " 7 "), (1, -2.5, 3, 0.5, 1e5, 7)),
        (("1,5", "2,25", "3"), (1.5, 2.25, 3)),
        (("1,234", "12", "1,234,567"), (1234, 12, 1234567)),
        (("1,234.50", "7"), (1234.5, 7)),
        (("1.234,50", "3"), (1234.5, 3)),
        (("1.234.567", "2"), (1234567, 2)),
        (("1 234,5", "1\u202f000"), (1234.5, 1000)),
        (("1'000.5", "2’000"), (1000.5, 2000)),
        (("1,23,456",), (123456,)),
        (("$5", "-$1,200.50", "($3)"), (5, -1200.5, -3)),
        (("12 €", "1.234,5 €"), (12, 1234.5)),
        (("EUR 5", "6 EUR"), (5, 6)),
        (("45%", "3.5 %"), (0.45, 0.035)),
        (("45,5%", "7%"), (0.455, 0.07)),
        (("−5", "3.2"), (-5, 3.2)),
        (("0,123",), (0.123,)),
    ],
    ids=lambda value: " ".join(map(str, value)),
)
def test_numbers_are_found(cells, numbers):
    found = writing_of(words(*cells))
    assert found is not None
    assert found.parse(words(*cells)).to_pylist() == pytest.approx(list(numbers), rel=1e-15)


@pytest.mark.parametrize(
    "cells",
    [("1", "A"), ("SKU 12",), ("$5", "6 €"), ("1,2,3",), ("12:30",), ("2020-01-01",), ("1.2.3",)],
)
def test_what_is_no_number(cells):
    assert writing_of(words(*cells)) is None


def test_other_columns_decide_what_can_be_read_both_ways():
    both = words("1.234", "5.678")
    assert writing_of(both) == PLAINLY
    german = writing_of(both, comma=True)
    assert german == Writing(",", ".") and german.parse(both).to_pylist() == [1234, 5678]
    assert writing_of(words("3.25"), comma=True) == PLAINLY
    assert has_commas(words("1,5")) and not has_commas(words("1,500")) and not has_commas(both)


def test_it_is_told():
    assert str(Writing(",", ".", True, True)) == (
        "decimal commas, points between thousands, percent signs (45% is 0.45), a currency"
    )
    assert str(PLAINLY) == ""


def test_usual_spellings_of_missing_numbers():
    found = is_missing_number(words("NA", "nan", " ", "?", "None", "#N/A", "0", "x"))
    assert found.to_pylist() == [True] * 6 + [False] * 2
