"""Which source a name or a path is."""

import numpy as np
import pandas as pd
import pytest

import quickstudy as qs
from quickstudy.names import registered
from quickstudy.tasks import SOURCES, open_source, source_class
from tests.unit.tasks.test_images import saved


@pytest.fixture
def paths(tmp_path):
    """A path of every kind that holds data."""
    for name in ("a", "b"):
        saved(tmp_path / "pictures" / name / "0.png")
    (tmp_path / "characters" / "images_background").mkdir(parents=True)
    np.savez(tmp_path / "x.npz", x=np.zeros((6, 2)), y=np.arange(6) % 3)
    pd.DataFrame({"shop": [1, 1, 2, 2], "a": [1.0, 2, 3, 4]}).to_csv(tmp_path / "t.csv")
    (tmp_path / "notes.txt").write_text("mine")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "name", "argument"),
    [
        ("pictures", "images", "folder"),
        ("characters", "omniglot", "root"),
        ("x.npz", "arrays", "file"),
        ("t.csv", "table", "file"),
    ],
)
def test_a_path_is_found_out(paths, path, name, argument):
    kind, decided = source_class(paths / path)
    assert kind is SOURCES[name] and decided == {argument: str(paths / path)}


def test_names_and_classes():
    assert source_class("glyphs") == (qs.tasks.Glyphs, {})
    assert source_class("quickstudy.tasks.line:Line") == (qs.tasks.Line, {})
    line = qs.tasks.Line()
    assert open_source(line) is line
    assert set(SOURCES) >= {"images", "table", "arrays", "omniglot", "mixture"}
    assert len(SOURCES) == len(dict(SOURCES))


MISTAKES = {
    "nothing": (("nothing",), {}, "Found 'nothing', which is neither a name nor a path"),
    "file": (("notes.txt",), {}, "notes.txt, which ends in '.txt'"),
    "option": (("glyphs",), {"root": "x"}, "Source glyphs has no option `root`. It has seed, "),
    "none": (("sinusoid",), {"size": 3}, "Source sinusoid has no option `size`. It has none."),
    "needs": (("omniglot",), {}, "Source omniglot needs the option `root`"),
    "import": (("quickstudy.nothing:X",), {}, "cannot be imported"),
    "class": (
        ("quickstudy.learners:MAML",),
        {},
        "should be a subclass of quickstudy.tasks.Data or quickstudy.tasks.TaskSource",
    ),
    "open": ((qs.tasks.Line(),), {"a": 1}, "open already takes no options"),
    "folder": (("hollow",), {}, "one folder of images for each class"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told(paths, monkeypatch, name):
    (paths / "hollow").mkdir()
    monkeypatch.chdir(paths)
    arguments, options, message = MISTAKES[name]
    with pytest.raises(qs.UserError) as error:
        open_source(*arguments, **options)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_options_that_are_none_are_left_to_their_defaults(paths):
    data = open_source(paths / "pictures", size=8, channels=None)
    assert (data.size, data.channels) == (8, 1)


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_is_registered_so_that_its_runs_can_be_read(name):
    assert SOURCES[name] in registered().values()


def test_a_class_is_called_by_its_name_in_the_registry_or_by_its_place():
    assert SOURCES.name_of(qs.tasks.Sinusoid) == "sinusoid"
    assert SOURCES.name_of(qs.tasks.Family) == "quickstudy.tasks.family:Family"
