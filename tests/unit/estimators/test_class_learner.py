"""The learners of a few-shot classifier, and the inputs that they take."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import BaseEstimator
from torch import nn

import quickstudy as qs
from quickstudy.estimators.class_learner import (
    default_network,
    inputs_of,
    is_table,
    learner_maker,
)


def test_bytes_become_parts_of_one_and_numbers_stay():
    raw = np.full((2, 1, 3, 3), 51, dtype=np.uint8)
    assert torch.equal(inputs_of(BaseEstimator(), raw, None), torch.full((2, 1, 3, 3), 0.2))
    found = inputs_of(BaseEstimator(), raw.astype(np.float64), None)
    assert torch.equal(found, torch.full((2, 1, 3, 3), 51.0))


def test_images_that_are_not_square_are_refused():
    with pytest.raises(qs.UserError, match=r"Found shape \(2, 1, 3, 4\)"):
        inputs_of(BaseEstimator(), np.zeros((2, 1, 3, 4)), None)


def test_what_is_a_table():
    assert is_table(pd.DataFrame({"a": [1]})) and is_table([[1.0]])
    assert not is_table(np.zeros((1, 1, 2, 2)))


@pytest.mark.parametrize(("outputs", "size"), [(None, 64), (3, 3)])
def test_the_default_network_takes_the_inputs(outputs, size):
    for x in (torch.zeros(2, 5), torch.zeros(2, 1, 28, 28)):
        assert default_network(x, outputs, 0)(x).flatten(1).shape == (2, size)


def test_a_method_is_a_learner():
    assert isinstance(learner_maker("r2d2")(nn.Identity()), qs.R2D2)
    assert learner_maker("anil")(nn.Linear(2, 2)).test_steps == 20
    with pytest.raises(qs.UserError, match=r"one of protonet, .*Found 'other'"):
        learner_maker("other")
