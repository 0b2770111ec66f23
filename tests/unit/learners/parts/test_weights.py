"""Where the weights of a part start."""

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy.learners.parts import All, Head, Named, Shared, Tasks, head_start
from tests.laws.battery import Case, close, normed, vectors

SUPPORT = Case("vectors", "vectors", lambda: None).episodes().support


def started(part, way=None):
    model = vectors().double()
    part.attach(model)
    weights = dict(model.named_parameters())
    return part.start(Shared(model, weights), Tasks(SUPPORT, way)), weights


def test_learned_weights_are_every_tasks():
    start, weights = started(All())
    assert start.keys() == weights.keys()
    for name, value in start.items():
        close(value, weights[name].expand(3, *weights[name].shape), 0)


def test_rows_that_start_alike_are_the_mean_row_for_any_way():
    start, weights = started(All("mean"), 5)
    close(start["head.weight"], weights["head.weight"].mean(0).expand(3, 5, 8), 0)


def test_only_such_a_head_moves_first():
    part = All("mean")
    names = tuple(started(part, 3)[0])
    assert part.moved_first(names, Tasks(SUPPORT, 3)) == ("head.weight", "head.bias")
    assert part.moved_first(names, Tasks(SUPPORT)) == names


def test_prototypes_are_twice_the_class_means():
    part = All("prototypes")
    start, _ = started(part, 3)
    features = part.features(Shared(vectors().double()), started(All())[0], Tasks(SUPPORT))
    for task in range(3):
        of_class = features[task][SUPPORT.y[task] == 1]
        close(start["head.weight"][task, 1], 2 * of_class.mean(0))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: head_start(True, True), "two ways to start the head"),
        (lambda: Named(["0"], "mean").attach(normed()), "go with a head that adapts"),
        (
            lambda: Head("prototypes").attach(nn.Linear(2, 3, bias=False)),
            "needs a head with a bias",
        ),
    ],
)
def test_errors(make, says):
    with pytest.raises(qs.UserError, match=says):
        make()


def test_frozen_weights_stay_out():
    model = normed()
    model[0].requires_grad_(False)
    adapted = qs.MAML(model, 0.1).adapt(qs.Batch.of(torch.zeros(3, 5), torch.arange(3)))
    assert {name.split(".")[0] for name in adapted} == {"1", "3", "statistics"}
