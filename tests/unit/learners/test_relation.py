"""Relation networks by their definition."""

import torch
from torch import nn

import quickstudy as qs
from quickstudy import Batch, Episode
from tests.laws.battery import close
from tests.unit.learners.points import NEW, X, Y


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
