"""Names that descriptions know classes by."""

from pathlib import Path

import pytest
from torch import nn

import quickstudy as qs
from quickstudy.names import arguments_of, imported, name_of, path_of, register


class Own(qs.MAML):
    """A user's class."""


def test_a_name_is_taken_once():
    with pytest.raises(qs.UserError, match=r"`name` should be new. Found 'MAML', which is quick"):
        register(Own, name="MAML")
    register(Own, name="my own")
    assert name_of(Own) == "my own"
    register(Own, name="my own")


def test_a_class_that_is_not_registered_has_its_path():
    assert path_of(qs.MAML) == "quickstudy.learners.maml:MAML" and name_of(qs.MAML) == "MAML"
    assert name_of(Path) == "pathlib:Path"


def test_arguments():
    assert arguments_of(qs.models.Powers)[0] == "inputs"
    assert arguments_of(nn.Identity) == ()
    with pytest.raises(qs.UserError, match="Sequential should name the arguments"):
        arguments_of(nn.Sequential)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("mlp", "should be package.module:Class"),
        ("nothing.at:All", "cannot be imported"),
        ("quickstudy.models:Nothing", "cannot be imported"),
    ],
)
def test_a_path_that_names_nothing(path, message):
    with pytest.raises(qs.UserError, match=message):
        imported(path)


def test_a_path_names_a_class():
    assert imported("quickstudy.models:MLP") is qs.models.MLP
