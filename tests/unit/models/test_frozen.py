"""A frozen network stays as it is, under every learner."""

import torch
from torch import nn

import quickstudy as qs
from quickstudy.models import Frozen, WithHead, traits
from quickstudy.models.norm import has_task_norm, replace_batch_norm


def trunk() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(0.5), nn.ReLU())


def draw() -> torch.Tensor:
    return torch.randn(5, 4, generator=qs.generator(0, "x"))


def test_training_mode_changes_nothing_in_it():
    model = WithHead(Frozen(trunk()), 2, embedding_size=6).train()
    before = {name: value.clone() for name, value in model.trunk.state_dict().items()}
    assert model.training and not any(part.training for part in model.trunk.modules())
    assert torch.equal(model(draw()), model(draw()))
    after = model.trunk.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_only_the_head_learns():
    model = WithHead(Frozen(trunk()), 2, embedding_size=6)
    assert [n for n, p in model.named_parameters() if p.requires_grad] == [
        "head.weight",
        "head.bias",
    ]


def test_its_batch_norms_are_not_replaced():
    model = nn.Sequential(Frozen(trunk()), nn.BatchNorm1d(6))
    replace_batch_norm(model)
    assert has_task_norm(model) and not has_task_norm(model[0])
    assert isinstance(model[0].trunk[1], nn.BatchNorm1d)


def test_it_says_what_its_network_says():
    said = traits(Frozen(qs.models.Conv4(in_channels=3, image_size=32)))
    assert (said.takes, said.in_channels, said.image_size) == ("images", 3, 32)
    assert (said.gives, said.embedding_size, said.feature_channels) == ("embeddings", 256, 64)


def test_a_learner_adapts_its_head_and_leaves_it():
    model = WithHead(Frozen(trunk()), 3, embedding_size=6)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    learner = qs.MAML(model, 0.5, 3)
    adapted = learner.adapt(qs.Batch.of(draw(), torch.tensor([0, 1, 2, 0, 1])))
    assert set(adapted) == {"head.weight", "head.bias"}
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
