"""Any model will do: what vmap cannot map is looped over, and said so once."""

import logging

import pytest
import torch
from torch import Tensor, nn

import quickstudy as qs
from quickstudy.models.initialise import initialise
from tests.laws.battery import Case, answers, close, gradients


class Peeks(nn.Module):
    """Looks at a value, which vmap refuses."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 2 if x.sum().item() > 0 else x * 3


class Reads(nn.Module):
    """An LSTM over the features."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.lstm(x.unsqueeze(-1))[0][:, -1]


VECTORS = Case("models", "vectors", lambda: None)
LAYERS = {
    "batch_norm": lambda: nn.BatchNorm1d(4),
    "batch_norm_plain": lambda: nn.BatchNorm1d(4, affine=False, track_running_stats=False),
    "group_norm": lambda: nn.GroupNorm(2, 4),
    "layer_norm": lambda: nn.LayerNorm(4),
    "dropout": lambda: nn.Dropout(0.0),
    "peeks": Peeks,
}
MAKERS = {
    "maml": lambda model: qs.MAML(model, 0.1, 2),
    "stepwise": lambda model: qs.MAML(model, 0.1, 2, outer_gradient="stepwise"),
    "fomaml": lambda model: qs.FOMAML(model, 0.1, 2),
    "reptile": lambda model: qs.Reptile(model, 0.1, 2, inner_optimiser="sgd"),
    "frozen": lambda model: qs.MAML(model, 0.1, 2, statistics="frozen"),
}
PAIRS = [
    (layer, maker)
    for layer in LAYERS
    for maker in MAKERS
    if (layer, maker) != ("batch_norm_plain", "frozen")
]
"""All but one: without running averages there is nothing to freeze."""


def sequential(layer: nn.Module) -> nn.Module:
    model = nn.Sequential(nn.Linear(5, 4), layer, nn.Tanh(), nn.Linear(4, 3))
    initialise(model, qs.generator(0, "model"))
    return model


def announced(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "quickstudy"]


@pytest.mark.parametrize(("layer", "maker"), PAIRS)
def test_layers_of_users_own_models_work_and_the_choice_is_announced_once(layer, maker, caplog):
    learner, episodes = MAKERS[maker](sequential(LAYERS[layer]())).double(), VECTORS.episodes()
    with caplog.at_level(logging.INFO, logger="quickstudy"):
        found = (*gradients(learner, episodes), answers(learner, episodes))
        gradients(learner, episodes)
    [said] = announced(caplog)
    assert said.startswith(
        "Tasks are mapped by loop: vmap cannot do"
        if layer == "peeks"
        else "Tasks are mapped by vmap:"
    )
    learner.mapping = "loop"
    close(found, (*gradients(learner, episodes), answers(learner, episodes)))


@pytest.mark.parametrize("maker", ["fomaml", "reptile", "maml"])
def test_a_recurrent_layer_falls_back_to_the_loop(maker, caplog):
    torch.manual_seed(0)
    learner, episodes = (
        MAKERS[maker](nn.Sequential(Reads(), nn.Linear(4, 3))).double(),
        VECTORS.episodes(),
    )
    with caplog.at_level(logging.INFO, logger="quickstudy"):
        losses, grads = gradients(learner, episodes)
        assert answers(learner, episodes).isfinite().all()
    assert len(announced(caplog)) == 1
    assert "loop: vmap cannot do a layer of this model" in announced(caplog)[0]
    assert losses.isfinite().all()
    assert all((gradient != 0).any() for gradient in grads.values())


def test_asking_for_a_mapping_is_announced_as_asked_for(caplog):
    learner = qs.MAML(sequential(nn.Tanh()), 0.1, mapping=2).double()
    with caplog.at_level(logging.INFO, logger="quickstudy"):
        learner.losses(VECTORS.episodes())
    assert announced(caplog) == ["Tasks are mapped by vmap in chunks of 2: asked for."]


@pytest.mark.parametrize("outputs", [None, 3])
def test_a_batch_norm_itself_can_be_the_model(outputs):
    model = (
        nn.BatchNorm1d(5) if outputs is None else nn.Sequential(nn.BatchNorm1d(5), nn.Linear(5, 3))
    )
    learner, episodes = qs.MAML(model, 0.1).double(), VECTORS.episodes()
    assert learner.losses(episodes).isfinite().all()
    assert not any(isinstance(module, nn.BatchNorm1d) for module in learner.modules())
