"""Split files name characters and their turns, each line once."""

import pytest

from quickstudy.errors import UserError
from quickstudy.tasks.omniglot_splits import read_split

CHARACTERS = ("Greek/character01", "Greek/character02")


def test_lines_are_characters_and_quarter_turns(tmp_path):
    lines = ["Greek/character02/rot270", "", "  Greek/character01/rot000 "]
    (tmp_path / "vinyals").mkdir()
    (tmp_path / "vinyals" / "val.txt").write_text("\n".join(lines))
    expected = (("Greek/character02", 3), ("Greek/character01", 0))
    assert read_split(tmp_path, "validation", CHARACTERS) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n\n", "is empty"),
        ("Greek/character03/rot000", "line 1: there is no character 'Greek/character03'"),
        ("\nGreek/character01/rot045", "line 2: expected"),
        ("Greek/character01/rot090\nGreek/character01/rot090", "line 2: .* is there twice"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, text, message):
    (tmp_path / "test.txt").write_text(text)
    with pytest.raises(UserError, match=message):
        read_split(tmp_path, "test", CHARACTERS)


def test_a_missing_file_is_named_with_a_way_to_get_it(tmp_path):
    with pytest.raises(UserError, match=r"There is no split file .*train\.txt\. Get it from"):
        read_split(tmp_path, "train", CHARACTERS)
