"""Several targets of different kinds: which scores and answers belong to each."""

import pytest
import torch
from torch import nn

import quickstudy as qs


def test_scores_and_answers_by_hand():
    model = qs.models.MultiTarget(nn.Identity(), (0, 2, 3), embedding_size=4)
    x = torch.randn(5, 4, generator=qs.generator(0, "x"))
    scores = x @ model.head.weight.T + model.head.bias
    torch.testing.assert_close(model(x), scores)
    number, two, three = model.answers(scores)
    torch.testing.assert_close(number, scores[:, 0])
    torch.testing.assert_close(two, torch.softmax(scores[:, 1:3], 1))
    torch.testing.assert_close(three, torch.softmax(scores[:, 3:], 1))
    assert (model.outputs, model.targets) == (6, (0, 2, 3))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((), 4), "Targets should be 0 for a number, or at least 2 classes"),
        (((0, 1), 4), "Targets should be 0 for a number, or at least 2 classes"),
        (((0,),), "`embedding_size` is needed"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(qs.UserError, match=message):
        qs.models.MultiTarget(nn.Identity(), *arguments)
