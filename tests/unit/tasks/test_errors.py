"""Bad input to task sources: the message names the parameter and what was found."""

from collections.abc import Callable

import pytest
import torch

import quickstudy as qs
from quickstudy import UserError
from quickstudy.tasks import Arrays, Family
from tests.unit.tasks.pools import draw, numbered


def pool() -> qs.tasks.Classes:
    return numbered([5, 6, 4, 6, 6], groups=[0, 0, 1, 1, 1])


def drawing(
    y_shape: tuple[int, ...] | None = None, dtype: torch.dtype = torch.float32, extra: int = 0
) -> Callable:
    def draw(
        num_tasks: int, num_examples: int, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        shape = y_shape or (num_tasks, num_examples + extra, 1)
        return torch.zeros(num_tasks, num_examples, 1), torch.zeros(shape, dtype=dtype)

    return draw


BAD: dict[str, tuple[Callable[[], object], str]] = {
    "way_0": (
        lambda: pool().episodes(0, 1, 1),
        "Parameter `way` should be at least 1 (a pair: low, high). Found way=0.",
    ),
    "way_reversed": (
        lambda: pool().episodes((3, 2), 1, 1),
        "Parameter `way` should be at least 1 (a pair: low, high). Found way=(3, 2).",
    ),
    "shot_0": (
        lambda: pool().episodes(2, 0, 1),
        "Parameter `shot` should be at least 1 (a pair: low, high). Found shot=0.",
    ),
    "shot_range": (lambda: pool().episodes(2, (0, 2), 1), "Found shot=(0, 2)."),
    "query_0": (
        lambda: pool().episodes(2, 1, 0),
        "Parameter `query` should be at least 1. Found query=0.",
    ),
    "way_large": (
        lambda: pool().episodes(6, 1, 1),
        "Parameter `way` should be at most the number of classes. Found way=6, 5 classes in "
        "'numbered'.",
    ),
    "way_range_large": (
        lambda: pool().episodes((2, 6), 1, 1),
        "Found way=6, 5 classes in 'numbered'.",
    ),
    "way_group": (
        lambda: pool().episodes(4, 1, 1, within_group=True),
        "the number of classes of a group. Found way=4, at most 3 classes in a group of "
        "'numbered'.",
    ),
    "examples": (
        lambda: pool().episodes(2, (1, 3), 2),
        "`shot` + `query` should be at most the examples of a class. Found shot=3, query=2, "
        "4 examples of class 'class2' in 'numbered'.",
    ),
    "rotations": (
        lambda: pool().episodes(2, 1, 1, rotations="both"),
        "Parameter `rotations` should be 'classes' or 'task'. Found 'both'.",
    ),
    "rotated_twice": (
        lambda: Arrays(torch.zeros(4, 2, 2), [0, 0, 1, 1]).pool.with_rotations().with_rotations(),
        "This pool has its rotations already.",
    ),
    "way_rotated": (
        lambda: (
            Arrays(torch.zeros(4, 2, 2), [0, 0, 1, 1])
            .pool.with_rotations()
            .episodes(3, 1, 1, rotations="task")
        ),
        "Found way=3, 2 classes in 'arrays'.",
    ),
    "batch_size": (
        lambda: pool().supervised(0),
        "Parameter `batch_size` should be at least 1 (a pair: low, high). Found batch_size=0.",
    ),
    "family_shot": (
        lambda: Family(drawing(), 0, 1),
        "Parameter `shot` should be at least 1. Found shot=0.",
    ),
    "family_query": (
        lambda: Family(drawing(), 1, -1),
        "Parameter `query` should be at least 1. Found query=-1.",
    ),
    "family_dtype": (
        lambda: Family(drawing(dtype=torch.int64), 1, 1),
        "`draw` should give floating-point targets [task, example, target], or `asked` should say "
        "what they ask for. Found torch.int64 (1, 1, 1).",
    ),
    "family_axes": (lambda: Family(drawing((1, 1)), 1, 1), "Found torch.float32 (1, 1)."),
    "family_count": (
        lambda: draw(Family(drawing(extra=1), 2, 2), 3),
        "`draw` should give 3 tasks of 4 examples. Found x (3, 4, 1) and y (3, 5, 1).",
    ),
    "family_split": (
        lambda: qs.tasks.Sinusoid().split("square"),
        "Parameter `split` should be one of 'train', 'validation', 'test'. Found 'square'.",
    ),
    "lengths": (
        lambda: Arrays(torch.zeros(3, 1), [0, 1]),
        "`x` and `y` should have the same length, at least 1. Found 3 and 2.",
    ),
    "empty": (lambda: Arrays(torch.zeros(0, 1), []), "Found 0 and 0."),
    "nan": (
        lambda: Arrays(torch.tensor([[0.0], [torch.nan]]), [0, 1]),
        "`x` should be finite. Found NaN or infinity: fill or drop them.",
    ),
    "infinity": (
        lambda: Arrays(torch.tensor([[0.0], [torch.inf]]), [0, 1]),
        "`x` should be finite.",
    ),
    "fractions": (
        lambda: Arrays(torch.zeros(2, 1), [0, 1], fractions=(0.5, 0.2, 0.2)),
        "Parameter `fractions` should be three numbers that sum to 1. Found (0.5, 0.2, 0.2).",
    ),
    "fractions_two": (
        lambda: Arrays(torch.zeros(2, 1), [0, 1], fractions=(0.5, 0.5)),
        "Found (0.5, 0.5).",
    ),
    "fractions_negative": (
        lambda: Arrays(torch.zeros(2, 1), [0, 1], fractions=(1.5, -0.5, 0.0)),
        "Found (1.5, -0.5, 0.0).",
    ),
    "split": (
        lambda: Arrays(torch.zeros(2, 1), [0, 1]).split("val"),
        "Parameter `split` should be one of 'train', 'validation', 'test'. Found 'val'.",
    ),
    "split_empty": (
        lambda: Arrays(torch.zeros(2, 1), [0, 1], fractions=(1.0, 0.0, 0.0)).split("test"),
        "Split 'test' should have at least one class. Found none of 2: change `fractions`.",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_the_message_says_what_was_expected_and_found(name):
    make, message = BAD[name]
    with pytest.raises(UserError) as error:
        make()
    assert message in str(error.value)
    assert "\n" not in str(error.value)
