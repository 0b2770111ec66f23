"""train: what a step does, what it refuses, and what it leaves behind."""

import json

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy.training.evaluate import values_by_steps
from tests.unit.training.small import (
    bits,
    blobs,
    metric_lines,
    proto,
    same_bits,
    sine_learner,
    sines,
)


def fit(learner: qs.Learner, steps: int = 4, **options) -> dict[str, torch.Tensor]:
    qs.fit(learner, options.pop("source", sines()), steps, progress=False, **options)
    return bits(learner)


def test_same_seed_same_bits_and_another_seed_others():
    first = fit(sine_learner(), seed=1)
    torch.rand(7)  # torch's own generator has no say
    assert same_bits(first, fit(sine_learner(), seed=1))
    assert not same_bits(first, fit(sine_learner(), seed=2))


def test_torchs_own_generator_stays_as_it_was():
    learner, before = sine_learner(), torch.get_rng_state()
    fit(learner, validation=sines(), validate_every=2, validation_tasks=3)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_learner_learns_and_ends_in_evaluation_mode():
    learner, test = proto(), blobs().split("test").episodes(way=3, shot=1, query=5)
    before = qs.evaluate(learner, test, 50, baselines=False).mean
    fit(learner, 60, source=blobs().split("train").episodes(way=5, shot=1, query=5), lr=0.01)
    assert not learner.training
    assert qs.evaluate(learner, test, 50, baselines=False).mean > before


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.AdamW, torch.optim.RMSprop])
def test_any_optimiser(optimizer):
    learner = sine_learner()
    before = bits(learner)
    assert not same_bits(
        before, fit(learner, 2, optimizer=optimizer(learner.parameters(), lr=0.01))
    )


def test_a_step_of_sgd_is_the_learning_rate_times_the_gradient_of_the_mean():
    learner, other = sine_learner().double(), sine_learner().double()
    after = fit(
        learner,
        1,
        optimizer=torch.optim.SGD(learner.parameters(), lr=0.1),
        seed=3,
        source=Doubles(),
    )
    other.losses(Doubles().sample(4, qs.Moment(3, "train", 0))).mean().backward()
    for name, parameter in other.named_parameters():
        assert torch.allclose(
            after[name], parameter.detach() - 0.1 * parameter.grad, rtol=1e-12, atol=1e-14
        )


class Doubles(qs.tasks.TaskSource):
    """Sinusoids in float64."""

    target = qs.targets.Numbers((1,))

    def sample(self, num_tasks: int, moment: qs.Moment) -> qs.Episode:
        episodes = sines().sample(num_tasks, moment)
        parts = [
            qs.Batch(part.x.double(), part.y.double(), part.mask.double())
            for part in (episodes.support, episodes.query)
        ]
        return qs.Episode(*parts, episodes.task)

    def describe(self) -> dict[str, object]:
        return {"source": "doubles"}


@pytest.mark.parametrize("part", [1, 2, 3, 5, 9])
def test_in_parts_the_gradient_is_the_same(part):
    whole, parts = sine_learner().double(), sine_learner().double()
    expected = fit(
        whole,
        2,
        tasks_per_step=5,
        source=Doubles(),
        optimizer=torch.optim.SGD(whole.parameters(), lr=0.1),
    )
    found = fit(
        parts,
        2,
        tasks_per_step=5,
        source=Doubles(),
        optimizer=torch.optim.SGD(parts.parameters(), lr=0.1),
        tasks_per_backward=part,
    )
    assert all(
        torch.allclose(found[name], value, rtol=1e-12, atol=1e-14)
        for name, value in expected.items()
    )


def test_clipping_bounds_the_norm_of_the_step():
    learner = sine_learner()
    before = bits(learner)
    after = fit(
        learner, 1, clip_gradient=0.01, optimizer=torch.optim.SGD(learner.parameters(), lr=1.0)
    )
    step = torch.cat([(after[name] - before[name]).flatten() for name in before])
    assert step.norm().item() == pytest.approx(0.01, rel=1e-3)


def test_frozen_parameters_stay():
    learner = sine_learner()
    learner.model.head.requires_grad_(False)
    before = bits(learner)
    after = fit(learner, 3)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"model.features.1.weight", "model.features.1.bias"}


def test_validation_without_a_folder_ends_with_the_best_weights():
    learner, seen = sine_learner(), []

    class Watched(type(sines())):
        def sample(self, num_tasks, moment):
            if num_tasks == 1:
                seen.append(bits(learner))
            return super().sample(num_tasks, moment)

    validation = Watched(sines().draw, 5, 5)
    rising = torch.optim.SGD(learner.parameters(), lr=0.2)  # far too large: it gets worse
    fitted = qs.fit(
        learner,
        sines(),
        6,
        validation=validation,
        validate_every=1,
        validation_tasks=1,
        optimizer=rising,
        progress=False,
    )
    value, step = fitted.best
    assert step < 6
    assert same_bits(bits(learner), seen[step - 1])
    again = values_by_steps(learner, sines(), 1, 0, [1], "validation").item()
    assert value == pytest.approx(again, rel=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "`steps` should be at least 1. Found steps=0"),
        ({"tasks_per_step": 0}, "`tasks_per_step`"),
        ({"tasks_per_backward": 0}, "`tasks_per_backward`"),
        ({"validate_every": 0}, "`validate_every`"),
        ({"validation_tasks": 0}, "`validation_tasks`"),
        ({"lr": -1.0}, "`lr` should be positive. Found lr=-1.0"),
        ({"clip_gradient": 0.0}, "`clip_gradient` should be positive"),
        ({"resume": True}, "`out` is needed"),
        ({"tensorboard": True}, "`out` is needed"),
        ({"compile": True, "tasks_per_backward": 2}, "`tasks_per_backward`"),
    ],
)
def test_arguments_out_of_range(options, message):
    with pytest.raises(qs.UserError, match=message.replace(".", r"\.")):
        fit(sine_learner(), **{"steps": 2} | options)


def test_nothing_to_train():
    with pytest.raises(qs.UserError, match="parameters to train"):
        fit(qs.ProtoNet(nn.Identity()), source=blobs().episodes(3, 1, 5))


def test_more_classes_than_outputs():
    learner = qs.MAML(qs.models.MLP(4, 3))
    with pytest.raises(qs.UserError, match=r"`way` should be at most .* Found way=5, 3 outputs"):
        fit(learner, source=blobs().episodes(5, 1, 5))


def test_what_a_run_leaves_behind(tmp_path):
    out = tmp_path / "deep" / "run"
    fitted = qs.fit(
        sine_learner(),
        sines(),
        45,
        out=out,
        validation=sines(),
        validate_every=20,
        validation_tasks=5,
        progress=False,
    )
    assert (fitted.step, fitted.out, fitted.interrupted) == (45, out, False)
    assert {path.name for path in out.iterdir()} == {
        "last.safetensors",
        "best.safetensors",
        "metrics.jsonl",
        "run.json",
    }
    loss, validation = ("loss", "lr", "tasks_per_second"), ("validation_mean_squared_error",)
    assert metric_lines(out) == [
        (20, loss),
        (20, validation),
        (40, loss),
        (40, validation),
        (45, loss),
        (45, validation),
    ]
    details = json.loads((out / "run.json").read_text())
    assert (
        details["learner"]["class"] == "MAML"
        and details["seed"] == 0
        and details["mapping"][0]["reason"]
    )


def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboard")
    fit(sine_learner(), 3, out=tmp_path, tensorboard=True)
    (events,) = (tmp_path / "tensorboard").iterdir()
    assert (
        events.name.startswith("events.out.tfevents") and b"tasks_per_second" in events.read_bytes()
    )


@pytest.mark.parametrize("below", ["file", "file/below"])
def test_a_file_where_the_folder_should_be(tmp_path, below):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(qs.UserError, match=r"`out` should be a folder .*file is a file\."):
        fit(sine_learner(), out=tmp_path / below)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_mistake_leaves_no_folder(tmp_path):
    with pytest.raises(qs.UserError, match="It classifies"):
        fit(qs.ProtoNet(qs.models.MLP(1, None)), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
