"""What all targets share: means over real examples, and a description in plain values."""

import json

import torch

from quickstudy.describe import build, describe
from quickstudy.targets import Classes, Numbers, Pixels, Several, mean_over_examples


def test_the_mean_is_over_real_examples_and_0_without_any():
    values, mask = torch.tensor([[1.0, 3.0], [5.0, 7.0]]), torch.tensor([[1, 0], [0, 0]])
    assert mean_over_examples(values, mask).tolist() == [1.0, 0.0]
    assert mean_over_examples(values, None).tolist() == [2.0, 6.0]


def test_a_target_is_described_and_made_again():
    for target in (Classes(3), Several((0, 2)), Numbers((2, 2)), Pixels(3, ignored=9)):
        assert build(json.loads(json.dumps(describe(target)))) == target
