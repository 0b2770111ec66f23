"""The compiled step is the ordinary one, faster."""

import shutil
from functools import partial

import pytest
import torch

import quickstudy as qs
from quickstudy.balance import mean
from quickstudy.training.compiled import compiled_gradients
from tests.laws.battery import Case, vectors
from tests.unit.training.small import Own, bits, blobs, proto, sine_learner, sines


@pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")
@pytest.mark.filterwarnings("ignore")  # the compiler's own
def test_compiled_is_eager():
    found = []
    for compiled in (False, True):
        learner = sine_learner()
        qs.fit(learner, sines(), 12, compile=compiled, lr=0.01, progress=False)
        found.append(bits(learner))
    for name, value in found[0].items():
        assert torch.allclose(value, found[1][name], atol=1e-5)


MADE = {
    "anil": lambda: qs.ANIL(vectors(), 0.1, 2, shared_head=True, inner_optimiser="adam"),
    "plus": lambda: qs.MAML(vectors(), 0.1, 2, learned_rates=True, prototype_head=True),
    "lstm": lambda: qs.MetaLSTM(vectors(), 0.1, 2, outer_gradient="unrolled"),
    "reptile": lambda: qs.Reptile(vectors(), 0.1, 2),
}


@pytest.mark.parametrize("name", MADE)
@pytest.mark.filterwarnings("ignore")  # the compiler's own
def test_part_step_rule_and_outer_gradient_become_one_graph(name, monkeypatch):
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    torch._dynamo.reset()
    learner, episodes = MADE[name](), Case(name, "vectors", MADE[name]).episodes(torch.float32)
    expected = learner.losses(episodes)
    weights = list(learner.parameters())
    gradients = torch.autograd.grad(
        expected.mean(), weights, allow_unused=True, materialize_grads=True
    )
    losses = compiled_gradients(learner, mean)(episodes)
    torch.testing.assert_close(losses, expected.detach())
    torch.testing.assert_close([weight.grad for weight in weights], list(gradients))


@pytest.mark.parametrize(
    ("make", "source"),
    [
        (proto, lambda: blobs().episodes(3, 1, 5)),
        (lambda: sine_learner(outer_gradient="stepwise"), sines),
        (lambda: sine_learner(first_order_until=2), sines),
        (lambda: qs.MAML(Own()), lambda: blobs().episodes(3, 1, 5)),
    ],
)
def test_what_is_not_compiled_is_said(make, source):
    with pytest.raises(qs.UserError, match="Leave `compile` off"):
        qs.fit(make(), source(), 2, compile=True, progress=False)
