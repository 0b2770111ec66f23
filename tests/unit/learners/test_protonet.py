import pytest
import torch
from sklearn.neighbors import NearestCentroid
from torch import nn

import quickstudy as qs
from quickstudy import Batch
from tests.laws.battery import close
from tests.unit.learners.points import NEW, X, Y, scores_of


def points(count: int, seed: int) -> torch.Tensor:
    return torch.randn(count, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("seed", range(3))
def test_the_identity_as_backbone_is_scikit_learns_nearest_centroid(seed):
    x, y, new = points(20, seed), torch.arange(20) % 4, points(30, 100 + seed)
    x = x + y.unsqueeze(-1)
    learner = qs.ProtoNet(nn.Identity())
    scores = learner.predict(learner.adapt(Batch.of(x, y)), new.unsqueeze(0))[0]
    centroids = NearestCentroid().fit(x.numpy(), y.numpy())
    assert scores.argmax(-1).tolist() == centroids.predict(new.numpy()).tolist()
    prototypes = torch.as_tensor(centroids.centroids_)
    close(scores, -torch.cdist(new, prototypes).square())  # squared, as in the paper


def test_the_loss_is_the_cross_entropy_of_minus_squared_distances():
    x, y = points(6, 0), torch.tensor([0, 1, 2, 0, 1, 2])
    new, labels = points(4, 1), torch.tensor([2, 0, 1, 1])
    prototypes = (x[:3] + x[3:]) / 2
    expected = nn.functional.cross_entropy(-torch.cdist(new, prototypes).square(), labels)
    episode = qs.episode.Episode(Batch.of(x, y), Batch.of(new, labels), torch.zeros(1))
    close(qs.ProtoNet(nn.Identity()).losses(episode), expected.unsqueeze(0))


def test_a_class_without_support_examples_is_never_predicted():
    learner = qs.ProtoNet(nn.Identity())
    adapted = learner.adapt(Batch.of(points(4, 0), torch.tensor([0, 2, 0, 2])))
    scores = learner.predict(adapted, points(5, 1).unsqueeze(0))
    assert scores.shape == (1, 5, 3)
    assert (scores[..., 1] == -torch.inf).all() and scores[..., [0, 2]].isfinite().all()


def test_tasks_of_different_ways_are_scored_side_by_side():
    x = torch.stack([points(4, 0), points(4, 1)])
    support = Batch(
        x, torch.tensor([[0, 1, 2, 3], [0, 1, 0, 0]]), torch.tensor([[1.0, 1, 1, 1], [1, 1, 0, 0]])
    )
    learner = qs.ProtoNet(nn.Identity())
    queries = torch.stack([points(5, 2), points(5, 3)])
    scores = learner.predict(learner.adapt(support), queries)
    alone = learner.predict(learner.adapt(Batch.of(x[1, :2], torch.tensor([0, 1]))), queries[1:])
    close(scores[1, :, :2], alone[0])
    assert (scores[1, :, 2:] == -torch.inf).all()


def test_bfloat16_embeds_and_gives_back_the_dtype_of_its_inputs():
    learner = qs.ProtoNet(qs.models.MLP(3, None, (8,)), bf16=True)
    adapted = learner.adapt(Batch.of(points(6, 0).float(), torch.arange(6) % 3))
    scores = learner.predict(adapted, points(4, 1).float().unsqueeze(0))
    assert scores.dtype == torch.float32
    plain = qs.ProtoNet(learner.model)
    close(
        scores,
        plain.predict(
            plain.adapt(Batch.of(points(6, 0).float(), torch.arange(6) % 3)),
            points(4, 1).float().unsqueeze(0),
        ),
        0.1,
    )


def test_cosine_prototypes_are_scored_by_their_angle():
    prototypes = torch.stack([X[c == Y].mean(0) for c in range(4)])
    expected = 10 * nn.functional.cosine_similarity(
        NEW.unsqueeze(1), prototypes.unsqueeze(0), dim=-1
    )
    close(scores_of(qs.ProtoNet(nn.Identity(), distance="cosine")), expected)
