"""A choice and the values of its options."""

import pytest

from quickstudy.cli.asked import asked
from quickstudy.errors import UserError


def test_options_of_pictures_stand_beside_those_of_the_network(tmp_path):
    (tmp_path / "a").mkdir()
    words = f"--data {tmp_path} --size 64 --channels 3 --model-channels 16".split()
    found = asked("protonet", words)
    assert found.choice.source == "images" and found.choice.network == "conv4"
    assert (found.of("data")["size"], found.of("data")["channels"]) == (64, 3)
    assert found.of("model")["channels"] == 16 and "folder" not in found.of("data")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("frob", "The learner should be one of maml, .* Found 'frob'"),
        ("maml --data nowhere", "is neither a name nor a path"),
        ("maml --model frob", "The model should be one of conv4, .* Found 'frob'"),
    ],
)
def test_what_is_not_known(words, message):
    name, *others = words.split()
    with pytest.raises(UserError, match=message):
        asked(name, others)


def test_settings_are_plain_values(tmp_path):
    found = asked("maml", ["--data", "sinusoid", "--out", str(tmp_path), "--shot", "3"])
    assert found.given == {"data", "out", "shot"}
    settings = found.settings
    assert (settings["learner"], settings["model"], settings["shot"]) == ("maml", "mlp", 3)
    assert settings["out"] == str(tmp_path)


def test_another_way_counts_as_given():
    found = asked("protonet", ["--data", "glyphs"])
    other = found.with_way(7)
    assert (found["way"], other["way"], other.of("task")["way"]) == (60, 7, 7)
    assert "way" in other.given and "way" not in found.given
