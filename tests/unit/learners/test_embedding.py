"""What all learners that compare have in common."""

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy import Batch, Episode
from quickstudy.learners.embedding import members
from tests.unit.learners.points import NEW, X, Y


def test_members_are_one_hot_and_leave_out_padding():
    batch = Batch.of(X[:3], Y[:3])
    padded = Batch(batch.x, batch.y, torch.tensor([[1.0, 0.0, 1.0]]), batch.target)
    expected = [[[1, 0, 0], [0, 0, 0], [0, 0, 1]]]
    assert members(padded, 3, torch.float32).tolist() == expected


def test_padding_is_not_embedded():
    """The values of padding would change a mean over the batch; its embedding is 0."""

    class Centred(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x - x.mean(0)

    x = X.reshape(2, 6, 3)
    mask = torch.ones(2, 6)
    mask[1, 4:] = 0
    found = qs.ProtoNet(Centred()).embed(x, mask)
    real = X[:10]
    expected = torch.cat([real - real.mean(0), torch.zeros(2, 3)])
    torch.testing.assert_close(found.flatten(0, 1), expected)


def test_a_query_of_a_class_without_support_examples_does_not_count():
    learner = qs.ProtoNet(nn.Identity()).double()
    support = Batch.of(X[:4], torch.tensor([0, 1, 0, 1]), qs.targets.Classes(3))
    labels = torch.tensor([0, 1, 2])
    query = Batch.of(NEW[:3], labels, qs.targets.Classes(3))
    seen = Batch.of(NEW[:2], labels[:2], qs.targets.Classes(3))
    assert learner.counts(support, query).tolist() == [[1, 1, 0]]
    found = learner.losses(Episode(support, query, torch.zeros(1)))
    torch.testing.assert_close(found, learner.losses(Episode(support, seen, torch.zeros(1))))


@pytest.mark.parametrize(
    "make",
    [
        qs.MatchingNet,
        qs.R2D2,
        lambda model: qs.Siamese(model, 3),
        lambda model: qs.ProtoNet(model, "cosine"),
    ],
)
def test_a_class_without_support_examples_is_never_predicted(make):
    learner = make(nn.Identity()).double()
    support = Batch.of(X[:4], torch.tensor([0, 2, 0, 2]))
    scores = learner.predict(learner.adapt(support), NEW.unsqueeze(0))
    assert (scores[..., 1] == -torch.inf).all() and scores[..., [0, 2]].isfinite().all()
    losses = learner.losses(
        Episode(support, Batch.of(NEW, torch.arange(7) % 2 * 2), torch.zeros(1))
    )
    if losses.requires_grad:
        losses.sum().backward()
    assert losses.isfinite().all()
    assert all(p.grad is None or p.grad.isfinite().all() for p in learner.parameters())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: qs.MatchingNet(nn.Identity(), scale=0.0), "`scale` should be positive"),
        (lambda: qs.MatchingNet(nn.Identity(), full_context=True), "`embedding_size` is needed"),
        (
            lambda: qs.MatchingNet(
                nn.Identity(), full_context=True, embedding_size=3, reading_steps=0
            ),
            "`reading_steps` should be",
        ),
        (lambda: qs.R2D2(nn.Identity(), "svm"), "`head` should be 'ridge' or 'logistic'"),
        (lambda: qs.R2D2(nn.Identity(), regulariser=-1.0), "`regulariser` should be positive"),
        (lambda: qs.Siamese(nn.Identity()), "`embedding_size` is needed"),
        (lambda: qs.RelationNet(nn.Identity()), "`feature_channels` is needed"),
        (lambda: qs.ProtoNet(nn.Identity(), "manhattan"), "`distance` should be"),
        (lambda: qs.models.Conv4(5, maps=True), "`maps` goes with way=None"),
    ],
)
def test_wrong_arguments_are_refused(make, message):
    with pytest.raises(qs.UserError, match=message):
        make()
