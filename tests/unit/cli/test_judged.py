"""Predictions beside the answers that files hold."""

import csv

import pytest

from quickstudy.cli.judged import in_words, judge_predictions, write_csv
from quickstudy.cli.task_files import Task

CLASSES = Task(("cat", "dog"), True)
NUMBERS = Task(("height", "width"), False)


def animal(label, cat):
    return {"file": f"{label}.png", "label": label, "probabilities": {"cat": cat, "dog": 1 - cat}}


def size(height, width):
    return {"file": "t.csv", "example": 1, "values": {"height": height, "width": width}}


def test_accuracy_is_over_examples_whose_class_is_known():
    found = [animal("cat", 0.9), animal("dog", 0.2), animal("cat", 0.6)]
    truths = [{"class": "cat"}, {}, {"class": "dog"}]
    judged = judge_predictions(found, truths, CLASSES)
    assert judged == {"judged": {"class": {"accuracy": 0.5, "examples": 2}}}
    assert in_words(judged) == ["accuracy 50.0 % over 2 examples whose class is known"]
    assert judge_predictions(found, [{}] * 3, CLASSES) == {} and in_words({}) == []


def test_error_is_the_root_of_the_mean_square_of_each_target():
    found = [size(1.0, 0.0), size(2.0, 5.0)]
    truths = [{"height": "4"}, {"height": "6", "width": ""}]
    judged = judge_predictions(found, truths, NUMBERS)["judged"]
    assert judged == {"height": {"rmse": pytest.approx(12.5**0.5), "examples": 2}}
    assert judge_predictions(found, [{"height": "tall"}, {}], NUMBERS) == {}


def test_the_class_of_a_row_is_in_the_column_of_the_label():
    task = Task(("cat", "dog"), True, columns=("a",), label="kind")
    assert (
        judge_predictions([animal("cat", 0.9)], [{"kind": "cat"}], task)["judged"]["class"][
            "accuracy"
        ]
        == 1
    )


def test_predictions_are_written_with_answers_and_probabilities(tmp_path):
    found = [animal("cat", 0.75), animal("dog", 0.25)]
    write_csv(tmp_path / "p.csv", found, [{"class": "dog"}, {}], CLASSES)
    with (tmp_path / "p.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0] == {
        "file": "cat.png",
        "true class": "dog",
        "predicted class": "cat",
        "probability of cat": "0.75",
        "probability of dog": "0.25",
    }
    assert rows[1]["true class"] == "" and rows[1]["predicted class"] == "dog"
    interval = {**size(1.0, 2.0), "interval_90": {"height": [0.5, 1.5]}}
    write_csv(tmp_path / "n.csv", [interval], [{}], NUMBERS)
    assert (tmp_path / "n.csv").read_text().splitlines() == [
        "file,example,predicted height,height from,height to,predicted width",
        "t.csv,1,1.0,0.5,1.5,2.0",
    ]
