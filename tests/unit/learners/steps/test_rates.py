"""Learned rates."""

import torch

from quickstudy.learners.steps import EntryRates, StepRates


def test_steps_beyond_those_in_training_have_the_last_rate():
    rates = StepRates()
    rates.attach(0.5, {"w": torch.zeros(2, 3), "b": torch.zeros(2)}, (), 3)
    learned = {"0": torch.tensor([1.0, 2.0, 3.0])}
    assert [rates.at(learned, step)["w"].item() for step in (0, 1, 2, 3, 9)] == [1, 2, 3, 3, 3]
    assert rates.at(learned, 0)["b"] == 0.5  # what is not given is its own


def test_rates_of_rows_that_start_alike_are_their_mean():
    rates = EntryRates()
    rates.attach(0.1, {"w": torch.zeros(2, 3), "head": torch.zeros(2, 2)}, ("head",), 1)
    learned = {"0": torch.ones(2, 3), "1": torch.tensor([[1.0, 2.0], [3.0, 6.0]])}
    found = rates.at(learned, 0)
    assert torch.equal(found["w"], torch.ones(2, 3))
    assert torch.equal(found["head"], torch.tensor([[2.0, 4.0]]))


def test_rates_start_alike_and_again():
    rates = EntryRates()
    rates.attach(0.25, {"w": torch.randn(2)}, (), 1)
    with torch.no_grad():
        rates[0].add_(1)
    rates.reset_parameters()
    assert (rates[0] == 0.25).all()
