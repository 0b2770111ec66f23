"""Parts by name."""

import pytest
from torch import nn

import quickstudy as qs
from quickstudy.learners.parts import Named


def model() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 1)))


@pytest.mark.parametrize(
    ("own", "names"),
    [
        (["0"], ("0.weight", "0.bias")),
        (["1.0", "0.bias"], ("0.bias", "1.0.weight", "1.0.bias")),
        (["1"], ("1.0.weight", "1.0.bias", "1.1.weight", "1.1.bias")),
        (["*.bias"], ("0.bias", "1.0.bias", "1.1.bias")),
        (["1.*.weight"], ("1.0.weight", "1.1.weight")),
    ],
)
def test_a_name_is_a_layer_a_parameter_or_a_pattern(own, names):
    assert Named(own).names(model()) == names


def test_a_model_may_say_what_is_a_tasks_own():
    found = qs.models.MixtureOfExperts(qs.models.MLP(1, None), num_experts=2)
    assert {name.split(".")[0] for name in Named().names(found)} == {"gate", "head"}


@pytest.mark.parametrize(
    ("own", "says"),
    [
        (None, "this model does not say it"),
        ([], "should name what is the task's own"),
        (["0", "2"], r"Found \['2'\], not one of \['0.weight'"),
    ],
)
def test_a_name_of_nothing_is_refused(own, says):
    with pytest.raises(qs.UserError, match=says):
        Named(own).names(model())
