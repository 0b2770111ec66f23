"""What enters from outside is refused in one clear line, or handled."""

import numpy as np
import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy.training.baselines import NearestNeighbour, untrained


class Bare(nn.Module):
    """A module that does not say how its weight is drawn."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.randn(8, 4, generator=torch.Generator().manual_seed(0)))

    def forward(self, x):
        return x @ self.w


def episodes(seed=0):
    generator = qs.generator(seed, "data")
    pool = qs.tasks.Arrays(torch.randn(60, 8, generator=generator), torch.arange(60) % 6)
    return pool.episodes(way=3, shot=2, query=4)


def test_a_module_without_reset_gives_no_untrained_baseline():
    assert untrained(qs.ProtoNet(Bare()), 0) is None
    assert set(qs.evaluate(qs.ProtoNet(Bare()), episodes(), num_tasks=2).baselines) == {
        "nearest neighbour"
    }


def test_untrained_leaves_frozen_layers_alone():
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 4))
    model[0].requires_grad_(False)
    fresh = untrained(qs.ProtoNet(model), 0)
    assert torch.equal(fresh.model[0].weight, model[0].weight)
    assert not torch.equal(fresh.model[1].weight, model[1].weight)


@pytest.mark.parametrize(
    "learner", [qs.ProtoNet(qs.models.MLP(8, None)), qs.MAML(qs.models.MLP(8, 3), 0.1)]
)
def test_predict_wants_the_tasks_that_were_adapted_to(learner):
    adapted = learner.adapt(episodes().sample(3, qs.Moment(0, "tasks")).support)
    for shape in ((1, 5, 8), (2, 5, 8), (5, 8)):
        with pytest.raises(qs.UserError, match="with the 3 tasks"):
            learner.predict(adapted, torch.zeros(shape))


def test_distances_far_from_the_origin_stay_exact():
    x = torch.randn(40, 8, generator=qs.generator(0, "far")) + 5000
    support = qs.Batch.of(x, torch.arange(40))
    for learner in (qs.ProtoNet(nn.Identity()), NearestNeighbour()):
        assert (learner.predict(learner.adapt(support), support.x).argmax(-1) == support.y).all()


def test_embeddings_of_integer_inputs_keep_their_fractions():
    learner = qs.ProtoNet(nn.Sequential(nn.Embedding(50, 4), nn.Flatten()))
    support = qs.Batch.of(torch.arange(4).reshape(4, 1), torch.arange(4))
    assert learner.adapt(support)["prototypes"].dtype == torch.float32
    assert learner.adapt(support)["prototypes"].abs().sum() > 0.1


@pytest.mark.parametrize(
    ("label", "says"),
    [(3, "Found way=4, 3 outputs"), (-1, "from 0 on. Found -1"), (-100, "from 0 on. Found -100")],
)
def test_a_class_without_an_output_is_named(label, says):
    learner = qs.MAML(qs.models.MLP(8, 3), 0.1)
    with pytest.raises(qs.UserError, match=says):
        learner.adapt(qs.Batch.of(torch.zeros(2, 8), torch.tensor([0, label])))


def test_numpy_enters_by_batch_of():
    batch = qs.Batch.of(np.zeros((2, 8)), np.array([0, 1], dtype=np.int32))
    assert (batch.x.dtype, batch.y.dtype) == (torch.float32, torch.int64)
    assert episodes().pool.episodes(way=np.int64(3), shot=1, query=2).target.scores == 3


def test_batch_norms_that_stand_twice_are_both_replaced():
    norm = nn.BatchNorm1d(8)
    learner = qs.MAML(
        nn.Sequential(nn.Linear(8, 8), norm, nn.Linear(8, 8), norm, nn.Linear(8, 3)), 0.1
    )
    assert not any(isinstance(module, nn.BatchNorm1d) for module in learner.modules())


def test_a_scheduler_of_schedulers_is_refused_before_the_first_step(tmp_path):
    learner = qs.MAML(qs.models.MLP(8, 3), 0.1)
    optimizer = torch.optim.SGD(learner.parameters(), lr=0.1)
    parts = [
        torch.optim.lr_scheduler.ConstantLR(optimizer),
        torch.optim.lr_scheduler.MultiStepLR(optimizer, [3]),
    ]
    scheduler = torch.optim.lr_scheduler.SequentialLR(optimizer, parts, milestones=[2])
    with pytest.raises(qs.UserError, match="LambdaLR"):
        qs.fit(
            learner,
            episodes(),
            4,
            out=tmp_path / "run",
            optimizer=optimizer,
            scheduler=scheduler,
            progress=False,
        )
