"""Any model will do: what vmap cannot map is looped over, and said so once.

Every model of the registry is adapted and compared, mapped and one task at a time.
"""

import json
import logging

import pytest
import torch
from torch import Tensor, nn

import quickstudy as qs
from quickstudy import Batch, Episode
from quickstudy.describe import build, describe
from quickstudy.models import MODELS, make_model, traits
from quickstudy.models.initialise import initialise
from quickstudy.models.norm import has_task_norm
from quickstudy.random import ambient
from quickstudy.targets import Pixels
from tests.laws.battery import Case, answers, cast, close, gradients, map_batches


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


NARROW = {"widths": (2, 3, 4, 5)}
REGISTRY = {
    "conv4": ("images", {"channels": 3}),
    "resnet10": ("images", {**NARROW, "stem": "3x3"}),
    "resnet12": ("images", {**NARROW, "drop_rate": 0.0}),
    "unet": ("images", {"channels": 2, "depth": 2}),
    "mlp": ("vectors", {"hidden": (8,)}),
    "powers": ("vectors", {}),
    "expansion": ("vectors", {"products": ((0, 0),)}),
    "multi_target": ("mixed", {"targets": (0, 2)}),
    "mixture_of_experts": ("vectors", {"num_experts": 2}),
    "layered_experts": ("vectors", {}),
    "cross_stitch": ("vectors", {}),
    "with_head": ("images", {"trunk": "conv4"}),
    "frozen": ("images", {"trunk": "conv4"}),
}
"""The tasks that every model of the registry is tried on, and its options."""
ADAPTING = {**MAKERS, "anil": lambda model: qs.ANIL(model, 0.1, 2)}


def dense(name: str) -> bool:
    return "dense_scores" in traits(MODELS[name]).can_give and name != "with_head"


def episodes_for(name: str) -> Episode:
    """Tasks of the model; a dense one has images of odd sizes, and a class for every pixel."""
    episodes = Case("model", REGISTRY[name][0], lambda: None).episodes()
    return map_batches(episodes, _with_pixels) if dense(name) else episodes


def _with_pixels(batch: Batch) -> Batch:
    x = batch.x[..., :15, :10]
    return Batch(x, (x > x.roll(1, -2)).long().squeeze(2), batch.mask, Pixels(2))


def registered(name: str, gives: str | None = None, **more: object) -> nn.Module:
    shape = episodes_for(name).support.x.shape[2:]
    outputs, scores = (2, "dense_scores") if dense(name) else (3, "scores")
    return make_model(name, shape, outputs, gives or scores, **REGISTRY[name][1], **more)


def test_every_model_of_the_registry_is_tried():
    assert set(REGISTRY) == set(MODELS)


@pytest.mark.parametrize("name", REGISTRY)
def test_its_description_builds_it_again(name):
    model = registered(name, seed=3)
    again = build(json.loads(json.dumps(describe(model))))
    assert type(again) is type(model) and traits(again) == traits(model)
    before, after = model.state_dict(), again.state_dict()
    assert list(before) == list(after)
    assert all(torch.equal(before[key], after[key]) for key in before)


@pytest.mark.parametrize("maker", ADAPTING)
@pytest.mark.parametrize("name", REGISTRY)
def test_adapted_by_vmap_it_is_the_loop(name, maker):
    learner = ADAPTING[maker](registered(name)).double()
    episodes = episodes_for(name)
    found = []
    for mapping in ("vmap", "loop"):
        learner.mapping = mapping
        found.append((*gradients(learner, episodes), answers(learner, episodes)))
    close(*found)
    learned = [name for name, p in learner.named_parameters() if p.requires_grad]
    assert any((found[0][1][name] != 0).any() for name in learned)


@pytest.mark.parametrize("name", REGISTRY)
def test_in_single_precision_it_learns_too(name):
    """Other kernels compute it: the losses are those of double precision, nearly."""
    found = []
    for dtype in (torch.float32, torch.float64):
        learner = qs.MAML(registered(name), 0.1, 2).to(dtype)
        losses, gradient = gradients(learner, cast(episodes_for(name), dtype))
        assert all(value.isfinite().all() for value in gradient.values())
        found.append(losses.double())
    close(*found, 0.02)


@pytest.mark.parametrize("name", ["resnet10", "resnet12", "unet"])
def test_the_outer_gradient_is_that_of_the_loss(name):
    """Along a direction, by central differences, after two inner steps."""
    learner = qs.MAML(registered(name), 0.05, 2).double()
    episodes = episodes_for(name)
    assert has_task_norm(learner)
    _, gradient = gradients(learner, episodes)
    draw = qs.generator(0, "direction")
    parameters = dict(learner.named_parameters())
    directions = {
        key: torch.randn(p.shape, generator=draw, dtype=p.dtype) for key, p in parameters.items()
    }
    expected = sum((gradient[key] * directions[key]).sum() for key in parameters)
    values, step = [], 1e-8  # between the kinks of ReLU
    for sign in (1, -1):
        with torch.no_grad():
            for key, parameter in parameters.items():
                parameter += sign * step * directions[key]
        losses = learner.losses(episodes)
        values.append((losses * torch.arange(1, len(losses) + 1)).sum().item())
        with torch.no_grad():
            for key, parameter in parameters.items():
                parameter -= sign * step * directions[key]
    assert (values[0] - values[1]) / (2 * step) == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize(
    "name", [key for key in REGISTRY if "embeddings" in traits(MODELS[key]).can_give]
)
def test_its_embeddings_are_compared(name):
    tasks = "vectors" if REGISTRY[name][0] == "mixed" else REGISTRY[name][0]
    learner = qs.ProtoNet(registered(name, "embeddings")).double()
    episodes = Case("model", tasks, lambda: None).episodes()
    assert learner.losses(episodes).isfinite().all()
    scores = answers(learner, episodes)
    assert scores.shape == (*episodes.query.x.shape[:2], 3) and scores.isfinite().all()


@pytest.mark.parametrize("name", ["conv4", "resnet10", "resnet12"])
def test_its_maps_are_compared(name):
    learner = qs.RelationNet(registered(name, "maps")).double()
    episodes = Case("model", "images", lambda: None).episodes()
    assert gradients(learner, episodes)[0].isfinite().all()
    assert answers(learner, episodes).shape[2] == 3


def test_what_is_computed_again_drops_the_same_squares():
    found, episodes = [], Case("model", "images", lambda: None).episodes()
    for outer in ("unrolled", "stepwise"):
        model = make_model("resnet12", (1, 16, 16), 3, drop_rate=0.4, **NARROW)
        learner = qs.MAML(model, 0.1, 2, outer_gradient=outer).double()
        with ambient(0, "drop"):
            found.append((*gradients(learner, episodes), torch.rand(1)))
        with ambient(1, "drop"):
            assert not torch.equal(learner.losses(episodes), found[-1][0])
    close(*found)
