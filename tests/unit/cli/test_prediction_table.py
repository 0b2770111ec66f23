"""The table of predictions."""

import io

from rich.console import Console

from quickstudy.cli.prediction_table import _cell, prediction_table
from quickstudy.cli.task_files import Task


def test_the_table_of_classes():
    found = [{"file": "f", "example": 1, "probabilities": {"a": 0.25, "b": 0.75}, "label": "b"}]
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(prediction_table(found, Task(("a", "b"), True), "title"))
    text = console.export_text()
    assert "next best" in text and "75.0%" in text and "a 25.0%" in text


def test_cells():
    one = {
        "values": {"sold": 2.0},
        "interval_90": {"sold": [1.0, 3.5]},
        "labels": {"kind": "b"},
        "probabilities": {"kind": {"a": 0.25, "b": 0.75}},
    }
    assert _cell(one, "sold") == "2  (1 to 3.5)"
    assert _cell(one, "kind") == "b 75.0%"
    assert _cell({"values": {"sold": 2.0}}, "sold") == "2"
