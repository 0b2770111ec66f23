"""The kind of an option: its type, its words, and the value of its words."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Literal

import pytest

from quickstudy.cli.kind import Kind, kind_of
from quickstudy.errors import UserError

KINDS = {
    int: Kind(int),
    int | None: Kind(int, optional=True),
    str | Path: Kind(str),
    Literal["a", "b"]: Kind(str, choices=("a", "b")),
    Literal["auto"] | int: Kind(str, choices=("auto",), also=int),
    tuple[int, ...]: Kind(int, size=0),
    tuple[float, float]: Kind(float, size=2),
    int | Sequence[int]: Kind(int, size=0),
    Annotated[Path, "Positional"]: Kind(Path),
    Literal[1, 2]: None,
    Callable[[int], int]: None,
    tuple[tuple[int, ...], ...]: None,
}


@pytest.mark.parametrize("annotation", KINDS, ids=str)
def test_the_kind_of_a_type(annotation):
    assert kind_of(annotation) == KINDS[annotation]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Kind(int), "INT"),
        (Kind(str, choices=("a", "b")), "a|b"),
        (Kind(str, choices=("auto",), also=int), "auto|INT"),
        (Kind(int, size=0), "INT ..."),
        (Kind(float, size=2), "FLOAT FLOAT"),
    ],
)
def test_the_words_of_the_help(kind, words):
    assert kind.words == words


def test_values():
    assert Kind(int).value("3", "--n") == 3
    assert Kind(int, optional=True).value("None", "--n") is None
    assert Kind(str, choices=("auto",), also=int).value("3", "--n") == 3


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (Kind(int), "should be a whole number. Found 'x'"),
        (Kind(str, choices=("a", "b")), "should be one of a, b. Found 'x'"),
        (Kind(str, choices=("a",), also=int), "should be one of a, or a whole number. Found 'x'"),
    ],
)
def test_a_wrong_value_is_refused(kind, told):
    with pytest.raises(UserError, match=f"Option --n {told}"):
        kind.value("x", "--n")
