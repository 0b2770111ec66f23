"""Steps that an LSTM proposes."""

import pytest
import torch

import quickstudy as qs
from quickstudy.learners.steps import Proposal
from quickstudy.learners.steps.step_rule import Slope


@pytest.mark.parametrize("rate", [0.1, 3.0])
def test_gates_that_see_nothing_make_a_step_of_gradient_descent_with_decay(rate):
    rule = Proposal(rate, hidden_size=2, forget_bias=1.0)
    with torch.no_grad():
        for name, parameter in rule.update.named_parameters():
            parameter[:-1] = 0
            if name not in ("forget", "input"):
                parameter.zero_()
    weights = {"a": torch.tensor([[1.0, 2.0]]), "b": torch.tensor([[[3.0]]])}
    gradients = {"a": torch.tensor([[0.5, -1.0]]), "b": torch.tensor([[[2.0]]])}
    state = {**weights, **rule.slots(weights, {})}
    stepped = rule.step(state, ("a", "b"), Slope(torch.tensor([1.0]), gradients), {}, 0)
    decay = torch.tensor(1.0).sigmoid()
    for name, weight in weights.items():
        torch.testing.assert_close(stepped[name], decay * weight - rate * gradients[name])


def test_the_memory_of_every_weight_starts_at_zero():
    rule = Proposal(0.1, hidden_size=4)
    slots = rule.slots({"a": torch.rand(2, 3), "b": torch.rand(2, 1, 5)}, {})
    shapes = {name: tuple(value.shape) for name, value in slots.items()}
    assert shapes == {
        "update:hidden": (2, 8, 4),
        "update:cell": (2, 8, 4),
        "update:forget": (2, 8),
        "update:input": (2, 8),
    }
    assert all((value == 0).all() for value in slots.values())


def test_the_seed_draws_the_weights():
    first, again, other = (Proposal(0.1, seed=seed).update.of_loss for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    with pytest.raises(qs.UserError, match=r"`hidden_size` should be at least 1"):
        Proposal(0.1, hidden_size=0)
