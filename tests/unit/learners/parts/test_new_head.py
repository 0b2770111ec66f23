"""A new head of zeros."""

import torch

from quickstudy.learners.parts import Examples, NewHead, Shared, Tasks
from tests.laws.battery import Case, close, vectors

SUPPORT = Case("vectors", "vectors", lambda: None).episodes().support


def test_it_starts_at_zero_and_is_put_on_the_embeddings():
    model, part = vectors(None).double(), NewHead(8)
    part.attach(model)
    shared = Shared(model, dict(model.named_parameters()))
    start = part.start(shared, Tasks(SUPPORT, 4))
    assert start["new_head.weight"].shape == (3, 4, 8) and not start["new_head.weight"].any()
    own = {name: value[0] for name, value in start.items()}
    own["new_head.weight"] = torch.arange(32.0).reshape(4, 8).double()
    own["new_head.bias"] = torch.ones(4).double()
    found = part.whole(shared, own, Examples(SUPPORT.x[0]))[0]
    close(found, model(SUPPORT.x[0]) @ own["new_head.weight"].T + 1)
