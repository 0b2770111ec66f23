"""Exactly the options of the learner, data and network that were chosen."""

import re
import shlex
from pathlib import Path

import pytest

from quickstudy.cli import catalog
from quickstudy.cli.asked import asked, choice_of
from quickstudy.cli.recipes import families, recipe
from quickstudy.cli.train import checked_options
from quickstudy.errors import UserError

REPOSITORY = Path(__file__).resolve().parents[3]
DOCUMENTS = (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md")))


def published() -> list[list[str]]:
    """The words after `quickstudy train` of every command in the documents."""
    found = []
    for path in DOCUMENTS:
        text = path.read_text("utf-8").replace("\\\n", " ")
        for line in re.findall(r"(?:^|`)quickstudy train (\w[^`\n]*)", text, re.MULTILINE):
            found.append(shlex.split(line, comments=True))
    return found


@pytest.mark.parametrize("words", published(), ids=" ".join)
def test_published_commands_have_their_options(words, tmp_path, monkeypatch):
    (tmp_path / "pictures" / "animal").mkdir(parents=True)  # the folder of the README
    monkeypatch.chdir(tmp_path)
    checked_options(words[0], words[1:])


@pytest.mark.parametrize(
    ("words", "flag"),
    [
        ("protonet --root pictures", "--root"),
        ("maml --data sinusoid --way 3", "--way"),
        ("protonet --validation-alphabets 2", "--validation-alphabets"),
        ("maml --data sinusoid --channels 7", "--channels"),
        ("maml --data glyphs --hidden 7", "--hidden"),
        ("protonet --inner-lr 1", "--inner-lr"),
        ("protonet --model resnet10 --downsample max", "--downsample"),
        ("maml --data sinusoid --variant nothing", "--variant"),
    ],
)
def test_an_option_that_does_not_apply_is_refused(words, flag):
    name, *others = words.split()
    with pytest.raises(UserError, match=f"Option {flag} is unknown here.* See: quickstudy train"):
        asked(name, others)


@pytest.mark.parametrize("learner", catalog.table("learners"))
@pytest.mark.parametrize("data", ["glyphs", "sinusoid"])
def test_recipes_name_options_that_are_there(learner, data):
    found = choice_of(learner, ["--data", data])
    names = {option.target or option.name for option in found.options}
    for owner, values in recipe(learner, data).items():
        assert set(values) <= names, (owner, values)


def test_every_learner_is_in_one_family():
    told = [name for learners in families().values() for name in learners]
    assert len(told) == len(set(told)) and set(catalog.table("learners")) <= set(told)


def test_a_table_has_tasks_or_classes(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("shop,sold\n1,2\n")
    rows = f"--data {path} --task shop --target sold"
    found = checked_options(
        "hard_sharing", [*rows.split(), "--balancer", "gradnorm", "--shot", "3"]
    )
    assert found.choice.network == "mlp" and found["target"] == ("sold",)
    with pytest.raises(UserError, match="Option --way is unknown here"):
        asked("maml", [*rows.split(), "--way", "3"])
    assert asked("protonet", ["--data", str(path), "--label", "sold", "--way", "3"])["way"] == 3


def test_learners_of_a_fixed_set_of_tasks_need_one():
    with pytest.raises(UserError, match=r"hard_sharing learns a part for each task of a fixed set"):
        checked_options("hard_sharing", ["--data", "glyphs"])
