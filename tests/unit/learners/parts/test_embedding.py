"""An embedding of the support set, which changes layers of the network."""

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy import Batch
from quickstudy.learners.parts import Embedding, Examples, Shared, Tasks


def attached(**options: object) -> tuple[nn.Module, Embedding, Shared]:
    model, part = qs.models.MLP(2, 1, hidden=(4,)), Embedding(size=3, **options)
    part.attach(model)
    return model, part, Shared(model, dict(model.named_parameters()))


def test_at_first_an_embedding_changes_nothing():
    model, part, shared = attached()
    x = torch.rand(5, 2)
    found = part.whole(shared, {"embedding": torch.rand(3)}, Examples(x))[0]
    torch.testing.assert_close(found, model(x))


def test_the_order_of_support_examples_does_not_matter_and_none_is_zero():
    _, part, shared = attached()
    support = Batch.of(torch.rand(6, 2), torch.rand(6, 1))
    start = part.start(shared, Tasks(support))["embedding"]
    turned = part.start(shared, Tasks(support.each(lambda v: v.flip(1))))["embedding"]
    torch.testing.assert_close(start, turned)
    empty = part.start(shared, Tasks(support.each(lambda v: v[:, :0])))["embedding"]
    assert (empty == 0).all()


def test_classes_get_a_head_of_their_prototypes():
    model, part = qs.models.MLP(2, 3, hidden=(4,)), Embedding(size=3)
    part.attach(model)
    support = Batch.of(torch.rand(4, 2), torch.tensor([0, 0, 1, 1]))
    shared = Shared(model, dict(model.named_parameters()))
    start = part.start(shared, Tasks(support))
    means = model.features(support.x[0]).unflatten(0, (2, 2)).mean(1)
    torch.testing.assert_close(start["head.weight"], 2 * means.unsqueeze(0))
    torch.testing.assert_close(start["head.bias"], -means.square().sum(1).unsqueeze(0))


def test_numbers_out_of_range_are_refused():
    with pytest.raises(qs.UserError, match=r"`embedding_size` should be at least 1"):
        Embedding(size=0)
    with pytest.raises(qs.UserError, match=r"`side` should hold columns from 0 on"):
        Embedding(side=(-1,))
    _, part, shared = attached(side=(2,))
    with pytest.raises(qs.UserError, match=r"should name columns of x"):
        part.whole(shared, {"embedding": torch.zeros(3)}, Examples(torch.rand(5, 2)))
