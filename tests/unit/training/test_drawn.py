"""The data, the split and the options in the description of a run's tasks."""

import pytest

import quickstudy as qs
from quickstudy.describe import describe
from quickstudy.errors import UserError
from quickstudy.tasks import Images, Sinusoid
from quickstudy.training.drawn import Drawn, old_settings


def test_functions():
    drawn = Drawn.of(describe(qs.tasks.Sinusoid().episodes(shot=3, query=4)))
    assert drawn is not None and (drawn.name, drawn.split) == ("sinusoid", None)
    assert drawn.options["shot"] == 3 and drawn.options["query"] == 4
    assert isinstance(drawn.open((), {}), Sinusoid)
    assert drawn.arguments(Images) is None


@pytest.mark.parametrize("description", [None, 3, {"class": "Mixture"}, {"call": "split"}])
def test_another_source_is_not_read(description):
    assert Drawn.of(description) is None


def test_an_option_that_the_data_does_not_have_is_refused():
    drawn = Drawn.of(describe(qs.tasks.Sinusoid().episodes()))
    with pytest.raises(UserError, match="Source sinusoid has no option `root`"):
        drawn.open((), {"root": "x"})


def test_settings_of_version_0_1_0():
    settings = {"data": "glyphs", "way": 5, "shot": 1, "rotations": True, "root": "x"}
    drawn = Drawn.of(old_settings(settings))
    assert (drawn.name, drawn.split) == ("glyphs", "train")
    assert dict(drawn.options) == {"way": 5, "shot": 1}
    assert drawn.data == {"class": "Glyphs", "rotations": True}
    mixed = old_settings({"data": "sinusoid", "variant": "mixture", "way": 5, "shot": 2})
    assert Drawn.of(mixed).name == "mixture"
    assert old_settings({"data": "own", "way": 5, "shot": 1}) is None
    with pytest.raises(UserError, match="lacks way, shot"):
        old_settings({"data": "glyphs"})
