"""What all targets share: means over real examples, and a description in plain values."""

import torch

from quickstudy.targets import Classes, Several, mean_over_examples


def test_the_mean_is_over_real_examples_and_0_without_any():
    values, mask = torch.tensor([[1.0, 3.0], [5.0, 7.0]]), torch.tensor([[1, 0], [0, 0]])
    assert mean_over_examples(values, mask).tolist() == [1.0, 0.0]
    assert mean_over_examples(values, None).tolist() == [2.0, 6.0]


def test_a_target_describes_itself_in_plain_values():
    assert Classes(3).describe() == {"target": "Classes", "way": 3}
    assert Several((0, 2)).describe() == {"target": "Several", "targets": (0, 2)}
