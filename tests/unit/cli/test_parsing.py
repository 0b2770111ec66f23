"""The words of a command line as values, and mistakes in one line."""

from pathlib import Path
from typing import Literal

import pytest

from quickstudy.cli.kind import Kind, kind_of
from quickstudy.cli.option import Option
from quickstudy.cli.parsing import values_of, with_defaults
from quickstudy.cli.reader import REQUIRED
from quickstudy.errors import UserError

OPTIONS = [
    Option("run", Kind(Path), REQUIRED, "The run's folder.", positional=True),
    Option("files", Kind(Path, size=0), (), positional=True),
    Option("num_tasks", Kind(int), 3),
    Option("way", Kind(int, optional=True), None),
    Option("lr", Kind(float), 0.1),
    Option("kind", Kind(str, choices=("a", "b")), "a"),
    Option("mapping", Kind(str, choices=("auto", "loop"), also=int), "auto"),
    Option("hidden", Kind(int, size=0), (40, 40)),
    Option("fractions", Kind(float, size=3), (0.6, 0.2, 0.2)),
    Option("baselines", Kind(bool), True),
    Option("json", Kind(bool), False),
]


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("", {}),
        ("r", {"run": Path("r")}),
        ("r a b", {"run": Path("r"), "files": (Path("a"), Path("b"))}),
        ("--num-tasks 5 r", {"num_tasks": 5, "run": Path("r")}),
        ("--num_tasks=5", {"num_tasks": 5}),
        ("--num-tasks 5 --num-tasks 6", {"num_tasks": 6}),
        ("--way none", {"way": None}),
        ("--lr -1e-3", {"lr": -1e-3}),
        ("--kind b --mapping 16", {"kind": "b", "mapping": 16}),
        ("--mapping loop", {"mapping": "loop"}),
        ("--hidden 3 4 5 --json", {"hidden": (3, 4, 5), "json": True}),
        ("--hidden --json", {"hidden": (), "json": True}),
        ("--fractions 0.5 0.25 0.25 r", {"fractions": (0.5, 0.25, 0.25), "run": Path("r")}),
        ("--no-baselines", {"baselines": False}),
        ("--baselines", {"baselines": True}),
        ("r -- --odd", {"run": Path("r"), "files": (Path("--odd"),)}),
    ],
)
def test_values(words, values):
    assert values_of(OPTIONS, words.split(), "x") == values


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--num-taskss 3", "Option --num-taskss is unknown here. Perhaps you meant --num-tasks"),
        ("--frobnicate", "Option --frobnicate is unknown here"),
        ("--no-json-at-all", "Option --no-json-at-all is unknown here"),
        ("--no-way", "Option --no-way is unknown"),
        ("--way five", "Option --way should be a whole number. Found 'five'"),
        ("--way", "Option --way needs a value, INT"),
        ("--way --json", "Option --way needs a value, INT"),
        ("--lr much", "Option --lr should be a number. Found 'much'"),
        ("--kind c", "Option --kind should be one of a, b. Found 'c'"),
        (
            "--mapping c",
            "Option --mapping should be one of auto, loop, or a whole number. Found 'c'",
        ),
        ("--fractions 1", "Option --fractions needs 3 values. Found 1"),
        ("--json=3", "Option --json takes no value. Found '3'"),
    ],
)
def test_mistakes(words, message):
    with pytest.raises(UserError) as error:
        values_of(OPTIONS, words.split(), "x y")
    assert str(error.value) == f"{message}. See: quickstudy x y --help"


def test_too_many_words():
    with pytest.raises(UserError, match=r"Argument 'b c' is not understood"):
        values_of(OPTIONS[:1], ["a", "b", "c"], "x")


def test_defaults_and_what_is_needed():
    found = with_defaults(OPTIONS, {"run": Path("r")}, "x")
    assert found["hidden"] == (40, 40) and found["run"] == Path("r") and len(found) == 11
    with pytest.raises(UserError, match=r"Argument RUN is needed: the run's folder. See: quick"):
        with_defaults(OPTIONS, {}, "x")


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        (int, Kind(int)),
        (int | None, Kind(int, optional=True)),
        (str | Path, Kind(str)),
        (str | Path | None, Kind(str, optional=True)),
        (Literal["a", "b"] | None, Kind(str, choices=("a", "b"), optional=True)),
        (Literal["a"] | int, Kind(str, choices=("a",), also=int)),
        (tuple[int, ...], Kind(int, size=0)),
        (tuple[str, ...] | None, Kind(str, size=0, optional=True)),
        (tuple[float, float], Kind(float, size=2)),
        (int | tuple[int, int], Kind(int)),
        (object, None),
        (dict[str, int], None),
        (Literal[1, 2], None),
    ],
)
def test_kinds(annotation, kind):
    assert kind_of(annotation) == kind
