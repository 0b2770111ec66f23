"""A run that broke off and was resumed ends with the bits of one that did not."""

import json
import re

import pytest
import torch
from torch import nn

import quickstudy as qs
from tests.unit.training.small import (
    Own,
    PowerCutError,
    StopAt,
    bits,
    blobs,
    metric_lines,
    proto,
    same_bits,
    sine_learner,
    sines,
)

schedules = torch.optim.lr_scheduler
OPTIMISERS = {
    "adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "fused adam": lambda p: torch.optim.Adam(p, lr=0.01, fused=True),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.01),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, amsgrad=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.5, centered=True),
}
SCHEDULES = {
    "constant": lambda optimizer: None,
    "linear": lambda optimizer: schedules.LinearLR(optimizer, 1.0, 0.0, 30),
    "cosine": lambda optimizer: schedules.CosineAnnealingLR(optimizer, 30),
    "function": lambda optimizer: schedules.LambdaLR(optimizer, lambda step: 0.9**step),
    "in turn": lambda optimizer: schedules.SequentialLR(
        optimizer,
        [schedules.LinearLR(optimizer, 0.1, 1.0, 8), schedules.CosineAnnealingLR(optimizer, 22)],
        milestones=[8],
    ),
}


def own() -> qs.ProtoNet:
    return qs.ProtoNet(Own())


def own_maml() -> qs.MAML:
    return qs.MAML(Own(), inner_lr=0.1, inner_steps=2)


def classes() -> qs.tasks.TaskSource:
    return blobs().episodes(3, 2, 4)


def parts(make, optimiser="adam", schedule="constant"):
    learner = make()
    optimizer = OPTIMISERS[optimiser](
        [parameter for parameter in learner.parameters() if parameter.requires_grad]
    )
    return learner, {
        "optimizer": optimizer,
        "scheduler": SCHEDULES[schedule](optimizer),
        "progress": False,
    }


CASES = [(sine_learner, sines, name, "constant") for name in OPTIMISERS]
CASES += [(sine_learner, sines, "momentum", name) for name in SCHEDULES if name != "constant"]
CASES += [(own, classes, "adam", "linear"), (own_maml, classes, "adam", "cosine")]


@pytest.mark.parametrize(("make", "tasks", "optimiser", "schedule"), CASES)
def test_resumed_is_uninterrupted(tmp_path, make, tasks, optimiser, schedule):
    learner, options = parts(make, optimiser, schedule)
    qs.fit(learner, tasks(), 30, out=tmp_path / "whole", **options)
    for stop in (7, 6):  # the second part begins at step 7 and takes 6 more
        broken, options = parts(make, optimiser, schedule)
        with pytest.raises(PowerCutError):
            qs.fit(
                broken,
                tasks(),
                30,
                out=tmp_path / "parts",
                checkpoint_seconds=0,
                balancer=StopAt(stop),
                resume=True,
                **options,
            )
    torch.rand(3)
    resumed, options = parts(make, optimiser, schedule)
    assert qs.fit(resumed, tasks(), 30, out=tmp_path / "parts", resume=True, **options).step == 30
    assert same_bits(bits(resumed), bits(learner))
    saved = [
        qs.training.checkpoint.read(tmp_path / name / "last.safetensors")[0]
        for name in ("whole", "parts")
    ]
    assert same_bits(*saved)  # the optimiser's state too


def test_dropout_draws_something_else_every_step_and_not_in_evaluation():
    learner = own_maml()
    episodes = classes().sample(3, qs.Moment(0, "x"))
    with qs.random.ambient(0, "layers", 1):
        first = learner.losses(episodes)
    with qs.random.ambient(0, "layers", 2):
        assert not torch.equal(first, learner.losses(episodes))
    adapted = learner.adapt(episodes.support)
    assert torch.equal(
        learner.predict(adapted, episodes.query.x), learner.predict(adapted, episodes.query.x)
    )


def with_validation(out, **options):
    learner = sine_learner()
    # coarse, so that the best is not the last
    optimizer = torch.optim.SGD(learner.parameters(), lr=0.05)
    keywords = {
        "validation": sines(),
        "validate_every": 5,
        "validation_tasks": 10,
        "progress": False,
        "optimizer": optimizer,
    }
    fitted = qs.fit(learner, sines(), 50, out=out, **keywords | options)
    return learner, fitted


def test_the_best_is_kept_over_a_break_and_restored_at_the_end(tmp_path):
    learner, fitted = with_validation(tmp_path / "whole")
    with pytest.raises(PowerCutError):
        with_validation(tmp_path / "parts", checkpoint_seconds=0, balancer=StopAt(33))
    again, refitted = with_validation(tmp_path / "parts", resume=True)
    assert fitted.best == refitted.best and fitted.best[1] < 50
    assert same_bits(bits(learner), bits(again))
    assert same_bits(bits(learner), bits(qs.load(tmp_path / "parts")))
    last = qs.load(tmp_path / "whole" / "last.safetensors")
    assert not same_bits(bits(learner), bits(last))
    values = [
        json.loads(line) for line in (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()
    ]
    assert fitted.best[0] == min(
        line["validation_mean_squared_error"]
        for line in values
        if "validation_mean_squared_error" in line
    )


def test_no_step_stands_twice_in_the_metrics(tmp_path):
    # the checkpoint is of step 0: all that was logged is dropped
    with pytest.raises(PowerCutError):
        with_validation(tmp_path, checkpoint_seconds=1e9, balancer=StopAt(47))
    assert len(metric_lines(tmp_path)) > 5
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 48, "lo')  # cut short
    with_validation(tmp_path, checkpoint_seconds=0, resume=True)
    lines = metric_lines(tmp_path)
    assert len(set(lines)) == len(lines) and [step for step, _ in lines] == sorted(
        step for step, _ in lines
    )
    assert {step for step, names in lines if names == ("validation_mean_squared_error",)} == set(
        range(5, 51, 5)
    )


def test_a_best_from_before_the_first_checkpoint_is_not_taken_over(tmp_path):
    with pytest.raises(PowerCutError):
        with_validation(tmp_path, checkpoint_seconds=1e9, balancer=StopAt(20))
    assert (tmp_path / "best.safetensors").exists() and not (tmp_path / "last.safetensors").exists()
    learner = sine_learner(seed=1)
    qs.fit(learner, sines(), 2, out=tmp_path, progress=False)
    assert same_bits(bits(qs.load(tmp_path)), bits(learner))


def test_a_finished_run_is_resumed_without_a_step(tmp_path):
    learner, options = parts(sine_learner)
    qs.fit(learner, sines(), 5, out=tmp_path, **options)
    again, options = parts(lambda: sine_learner(seed=7))
    assert qs.fit(again, sines(), 5, out=tmp_path, resume=True, **options).step == 5
    assert same_bits(bits(again), bits(learner))


@pytest.mark.parametrize("how", ["loss", "gradient"])
def test_a_step_that_is_not_finite_changes_nothing(tmp_path, how):
    learner = Divergent(sine_learner().model, how)
    learner.bad_from = 6
    with pytest.raises(
        qs.TrainingError,
        match=rf"The {how} of step 6 is not finite.*last\.safetensors, is as it was",
    ):
        qs.fit(learner, sines(), 20, out=tmp_path, checkpoint_seconds=0, progress=False)
    assert all(value.isfinite().all() for value in bits(learner).values())
    tensors, details = qs.training.checkpoint.read(tmp_path / "last.safetensors")
    assert details["step"] == 5
    assert same_bits(
        {
            name.removeprefix("learner/"): v
            for name, v in tensors.items()
            if name.startswith("learner/")
        },
        bits(learner),
    )


class Divergent(qs.MAML):
    """MAML whose loss, or the gradient of it, is infinite from a step on."""

    def __init__(self, model: nn.Module, how: str) -> None:
        super().__init__(model, inner_lr=0.01)
        self.how, self.calls, self.bad_from = how, -1, 0  # the first call estimates memory

    def losses(self, episodes):
        self.calls += 1
        losses = super().losses(episodes)
        if self.calls < self.bad_from:
            return losses
        return losses / 0 if self.how == "loss" else losses + (0 * losses).sqrt()


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    out = tmp_path_factory.mktemp("begun")
    learner, options = parts(sine_learner)
    qs.fit(learner, sines(), 3, out=out, **options)
    return out


@pytest.mark.parametrize(
    ("make", "optimiser", "options", "message"),
    [
        (sine_learner, "adam", {"resume": False}, "holds a run already: pass resume=True"),
        (sine_learner, "adam", {"seed": 1}, "the seed it was begun with, 0. Found seed=1"),
        (sine_learner, "sgd", {}, "the one the run was begun with, Adam. Found SGD"),
        (
            lambda: qs.FOMAML(sine_learner().model),
            "adam",
            {},
            "the learner it was begun with, MAML. Found FOMAML",
        ),
        (
            lambda: qs.MAML(qs.models.MLP(1, 1, hidden=(9,))),
            "adam",
            {},
            "should be those of this learner. Found model.features.1.weight (8, 1), here (9, 1)",
        ),
    ],
)
def test_a_run_is_not_resumed_as_another(begun, make, optimiser, options, message):
    learner, keywords = parts(make, optimiser)
    before, on_disk = bits(learner), (begun / "last.safetensors").read_bytes()
    with pytest.raises(qs.UserError, match=re.escape(message)):
        qs.fit(learner, sines(), 6, out=begun, **{"resume": True} | keywords | options)
    assert same_bits(bits(learner), before)
    assert (begun / "last.safetensors").read_bytes() == on_disk


def test_nor_with_other_parameter_groups(begun):
    learner = sine_learner()
    optimizer = torch.optim.Adam(
        [
            {"params": learner.model.head.parameters()},
            {"params": learner.model.features.parameters()},
        ]
    )
    with pytest.raises(
        qs.UserError, match=r"parameter groups as the run was begun with, \[4\]\. Found \[2, 2\]"
    ):
        qs.fit(learner, sines(), 6, out=begun, optimizer=optimizer, resume=True, progress=False)


def test_buffers_are_part_of_a_checkpoint():
    names = bits(qs.ProtoNet(Own())).keys()
    assert {"model.layers.1.running_mean", "model.layers.1.running_var"} <= names
    assert bits(proto()).keys()
