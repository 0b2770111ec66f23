"""Columns that are plain numbers in the first rows."""

import pytest

from quickstudy.tasks.tables.plain_columns import NO_NUMBERS, plain_columns


@pytest.mark.parametrize(
    ("cells", "plain"),
    [
        (("1.5", "2"), True),
        (("-1.5e3", "?"), True),
        ((".5", "NA"), True),
        (("1", "2"), False),
        (("01", "1.5"), False),
        (("1.5", "a"), False),
        (("NA", ""), False),
        ((" 1.5", "2"), False),
    ],
)
def test_a_column(cells, plain):
    assert plain_columns([[cell] for cell in cells]) == [plain]


def test_a_decimal_comma_leaves_all_to_the_schema():
    assert plain_columns([["1.500", "1,5"]]) == [False, False]
    assert plain_columns([["1.500", "a, b"]]) == [True, False]
    assert plain_columns([]) == []


def test_spellings_of_missing_numbers():
    assert {"NA", "na", "NaN", "", "None", "NULL"} < set(NO_NUMBERS)
