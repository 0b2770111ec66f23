"""Options of reading, and what they refuse."""

import json
from types import SimpleNamespace

import pytest

import quickstudy as qs
from quickstudy.tasks.tables.asked import Reading, kinds_of, reading_of, texts


def test_kinds_of_the_command_line():
    found = kinds_of(["price"], ["zip"], ["when"], ["note"])
    assert found == {"price": "number", "zip": "category", "when": "date", "note": "ignore"}
    with pytest.raises(qs.UserError, match="Found it as number and as category"):
        kinds_of(["zip"], ["zip"])


def test_it_is_kept():
    asked = Reading("tab", ",", "cp1252", ("-999",), {"zip": "category", "note": "ignore"})
    assert asked.separator == "\t" and asked.ignored == {"note"}
    assert Reading.from_dict(json.loads(json.dumps(asked.to_dict()))) == asked


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decimal": ";"}, "`decimal` should be '.' or ','. Found ';'"),
        ({"separator": "ab"}, "`separator` should be one sign, or 'tab'. Found 'ab'"),
        ({"encoding": "klingon"}, "`encoding` should be an encoding"),
        ({"kinds": {"zip": "word"}}, "The kind of column 'zip' should be one of number, category"),
    ],
)
def test_what_is_wrong(options, message):
    with pytest.raises(qs.UserError, match=message):
        Reading(**options)


def test_options_of_a_command_become_those_of_a_table():
    options = SimpleNamespace(
        numbers=(), categories=("zip",), dates=(), ignore=("note",), missing=("NA",)
    )
    vars(options).update(separator=";", decimal=None, encoding=None)
    asked = reading_of(options)
    assert asked.for_table == {
        "columns": {"zip": "category", "note": "ignore"},
        "missing": ("NA",),
        "separator": ";",
        "decimal": None,
        "encoding": None,
    }


def test_a_single_text_needs_no_list():
    assert texts("NA") == ("NA",) == Reading(missing="NA").missing and texts(["a", 1]) == ("a", "1")
