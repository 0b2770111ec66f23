"""Commands that read a table have the options of reading that a source has."""

from dataclasses import fields
from inspect import signature

import pytest

from quickstudy import UserError
from quickstudy.cli.fit import FitOptions, table_of
from quickstudy.cli.reading import ReadingOptions
from quickstudy.cli.relate import RelateOptions
from quickstudy.tasks import Rows

LINES = ["shop;price;code;note;sold", *(f"{i % 4};{i},5;0{i % 2};{i};{i}" for i in range(12))]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "shops.csv"
    path.write_text("\n".join(LINES))
    return path


def test_the_options_are_those_of_a_source_of_rows():
    own = signature(Rows).parameters
    for field in fields(ReadingOptions):
        assert own[field.name].default == field.default


@pytest.mark.parametrize("kind", [FitOptions, RelateOptions])
def test_they_decide_how_the_table_is_read(file, kind):
    asked = kind(
        table=file, task="shop", target=("sold",), ignore=("note",), numbers=("code",), decimal=","
    )
    table = table_of(asked, "regression")
    assert table.features == ("price", "code")
    assert table.schema.column("code", "category").kind == "number"
    assert table.schema.column("price", "category").kind == "number"


def test_a_wrong_separator_is_told(file):
    asked = FitOptions(table=file, task="shop", target=("sold",), separator="||")
    with pytest.raises(UserError, match="separator"):
        table_of(asked)
