"""Learners that embed and compare: their known answers."""

import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from torch import nn

import quickstudy as qs
from quickstudy import Batch, Episode
from quickstudy.learners.matching import FullContext
from tests.laws.battery import close


def points(count: int, seed: int) -> torch.Tensor:
    return torch.randn(count, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


X, Y, NEW = points(12, 0), torch.arange(12) % 4, points(7, 1)


def scores_of(learner: qs.Learner) -> torch.Tensor:
    learner = learner.double()
    return learner.predict(learner.adapt(Batch.of(X, Y)), NEW.unsqueeze(0))[0]


def test_matching_scores_are_the_log_of_the_attention_to_each_class():
    cosines = nn.functional.normalize(NEW, dim=-1) @ nn.functional.normalize(X, dim=-1).T
    attention = (3 * cosines).softmax(-1) @ nn.functional.one_hot(Y, 4).double()
    close(scores_of(qs.MatchingNet(nn.Identity(), scale=3.0)), attention.log(), 1e-6)


def test_the_full_context_of_a_support_set_is_torchs_bidirectional_lstm():
    context = FullContext(3, 1).double()
    lstm = nn.LSTM(3, 3, batch_first=True, bidirectional=True).double()
    for cell, end in ((context.forwards, ""), (context.backwards, "_reverse")):
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(lstm, f"{name}_l0{end}").data = getattr(cell, name).data
    real = torch.arange(12).expand(2, 12) < torch.tensor([[12], [9]])
    found = context.of_support(torch.stack([X, X]), real)
    for task, length in ((0, 12), (1, 9)):
        forwards, backwards = lstm(X[:length])[0].split(3, -1)
        close(found[task, :length], X[:length] + forwards + backwards)


def test_a_query_in_full_context_reads_the_support_set_again_and_again():
    context = FullContext(3, 3).double()
    hidden, memory = torch.zeros_like(NEW), torch.zeros_like(NEW)
    for _ in range(3):
        read = (hidden @ X.T).softmax(-1) @ X
        hidden, memory = context.attending(torch.cat([NEW, read], -1), (hidden, memory))
        hidden = hidden + NEW
    close(
        context.of_query(NEW.unsqueeze(0), X.unsqueeze(0), torch.ones(1, 1, 12, dtype=torch.bool))[
            0
        ],
        hidden,
    )


def test_cosine_prototypes_are_scored_by_their_angle():
    prototypes = torch.stack([X[c == Y].mean(0) for c in range(4)])
    expected = 10 * nn.functional.cosine_similarity(
        NEW.unsqueeze(1), prototypes.unsqueeze(0), dim=-1
    )
    close(scores_of(qs.ProtoNet(nn.Identity(), distance="cosine")), expected)


@pytest.mark.parametrize("regulariser", [0.1, 5.0])
def test_ridge_is_scikit_learns(regulariser):
    ridge = Ridge(alpha=regulariser, fit_intercept=False).fit(
        X.numpy(), nn.functional.one_hot(Y, 4).numpy()
    )
    found = scores_of(qs.R2D2(nn.Identity(), regulariser=regulariser, scale=2.0))
    close(found, 2 * torch.as_tensor(ridge.predict(NEW.numpy())), 1e-6)


def test_logistic_is_scikit_learns_one_class_against_the_rest():
    found = scores_of(
        qs.R2D2(nn.Identity(), "logistic", regulariser=2.0, scale=1.0, newton_steps=20)
    )
    for c in range(4):
        logistic = LogisticRegression(C=0.5, fit_intercept=False, tol=1e-12, max_iter=10_000).fit(
            X.numpy(), (c == Y).numpy()
        )
        close(found[:, c], torch.as_tensor(logistic.decision_function(NEW.numpy())), 1e-5)


def logits_of_pairs(learner: qs.Siamese, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """By the definition, the normalisation being that of no averages yet: mean 0, variance 1."""
    weight = 4 / 3**0.5
    return (
        0.8 * 3 * weight
        - weight * (a.unsqueeze(1) - b).abs().sum(-1) / (1 + learner.norm.eps) ** 0.5
    )


def test_siamese_scores_a_class_by_its_best_pair_and_verifies_pairs():
    learner = qs.Siamese(nn.Identity(), embedding_size=3).double().eval()
    logits = logits_of_pairs(learner, NEW, X)
    close(scores_of(learner), torch.stack([logits[:, c == Y].amax(1) for c in range(4)], 1), 1e-6)
    close(learner.verify(NEW, X[:7]), logits[range(7), range(7)].sigmoid(), 1e-6)


def test_the_siamese_loss_takes_the_odds_of_its_pairs_into_account():
    learner = qs.Siamese(nn.Identity(), embedding_size=3).double().eval()
    logits = logits_of_pairs(learner, NEW[:1], X)[0]
    same = Y == 2
    adjusted = logits - ((~same).sum() / same.sum()).log()
    expected = (
        -nn.functional.logsigmoid(adjusted[same]).sum()
        - nn.functional.logsigmoid(-adjusted[~same]).sum()
    )
    episode = Episode(Batch.of(X, Y), Batch.of(NEW[:1], torch.tensor([2])), torch.zeros(1))
    close(learner.losses(episode)[0].detach(), expected, 1e-6)


def test_the_relation_loss_is_the_squared_error_of_the_relation_scores():
    learner = qs.RelationNet(nn.Unflatten(1, (3, 1, 1)), feature_channels=3).double().eval()
    scores = learner.predict(learner.adapt(Batch.of(X, Y)), NEW.unsqueeze(0))
    labels = torch.arange(7) % 4
    expected = nn.functional.mse_loss(
        scores.sigmoid()[0], nn.functional.one_hot(labels, 4).double()
    )
    close(
        learner.losses(Episode(Batch.of(X, Y), Batch.of(NEW, labels), torch.zeros(1)))[0].detach(),
        expected,
    )


def test_relations_are_the_relation_module_on_means_of_feature_maps_beside_the_maps_of_the_query():
    learner = qs.RelationNet(nn.Unflatten(1, (3, 1, 1)), feature_channels=3).double().eval()
    maps, queries = X.unflatten(1, (3, 1, 1)), NEW.unflatten(1, (3, 1, 1))
    pairs = [
        [torch.cat([maps[label == Y].mean(0), query]) for label in range(4)] for query in queries
    ]
    expected = torch.stack([learner.relation(torch.stack(row)).squeeze(1) for row in pairs])
    close(learner.predict(learner.adapt(Batch.of(X, Y)), NEW.unsqueeze(0))[0], expected)


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
