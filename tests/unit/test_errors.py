"""Checks at the boundary: when they raise, and their messages."""

import pytest

import quickstudy as qs
from quickstudy.errors import first_line, require, require_at_least, require_positive


def test_a_condition_that_fails_raises_its_message():
    require(True, "fine")
    with pytest.raises(qs.UserError, match=r"^Parameter `way` should be 5\.$"):
        require(False, "Parameter `way` should be 5.")


def test_the_first_value_below_the_least_is_named():
    require_at_least(2, way=2, shot=3)
    message = r"^Parameter `shot` should be at least 2\. Found shot=1\.$"
    with pytest.raises(qs.UserError, match=message):
        require_at_least(2, way=5, shot=1, query=0)


@pytest.mark.parametrize("value", [0, -0.5])
def test_the_first_value_that_is_not_positive_is_named(value):
    require_positive(lr=1e-9, scale=3)
    message = rf"^Parameter `lr` should be positive\. Found lr={value}\.$"
    with pytest.raises(qs.UserError, match=message):
        require_positive(scale=1.0, lr=value)


def test_the_first_line_of_an_error_is_its_class_if_it_has_no_message():
    assert first_line(ValueError("one\ntwo")) == "one"
    assert first_line(KeyError()) == "KeyError"


def test_a_mistake_is_a_value_error_and_a_training_that_fails_is_none():
    assert issubclass(qs.UserError, ValueError)
    assert issubclass(qs.TrainingError, RuntimeError)
    assert not issubclass(qs.TrainingError, ValueError)
