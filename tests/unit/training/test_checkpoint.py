"""What is saved: whole or not at all, without code, and the same bits in another process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import quickstudy as qs
from quickstudy.training import checkpoint
from quickstudy.training.checkpoint import restore_learner
from tests.unit.training.small import (
    Own,
    bits,
    blobs,
    images,
    proto,
    same_bits,
    sine_learner,
    sines,
)

LEARNERS = {
    "maml": lambda: sine_learner(inner_steps=2, test_steps=5, inner_optimiser="adam"),
    "fomaml": lambda: qs.FOMAML(qs.models.Conv4(5, channels=2, downsample="stride"), inner_lr=0.3),
    "reptile": lambda: qs.Reptile(qs.models.MLP(4, 3, hidden=()), inner_batch_size=3),
    "anil": lambda: qs.ANIL(qs.models.MLP(4, 3, hidden=(5,)), inner_steps=2, shared_head=True),
    "boil": lambda: qs.BOIL(qs.models.MLP(4, 3, hidden=(5,)), inner_lr=0.2, inner_steps=2),
    "cavia": lambda: qs.CAVIA(qs.models.MLP(4, 3, hidden=(5,)), context_size=2, inner_steps=2),
    "imaml": lambda: qs.IMAML(
        qs.models.MLP(4, 3, hidden=()), inner_steps=3, cg_steps=2, damping=0.5
    ),
    "metasgd": lambda: qs.MetaSGD(
        qs.models.MLP(4, 3, hidden=()), inner_lr=0.2, outer_gradient="stepwise"
    ),
    "metalstm": lambda: qs.MetaLSTM(
        qs.models.MLP(4, 3, hidden=(5,)), inner_lr=0.2, hidden_size=3, forget_bias=4.0
    ),
    "protonet": proto,
    "matching": lambda: qs.MatchingNet(qs.models.Conv4(None, channels=2), scale=3.0),
    "relation": lambda: qs.RelationNet(
        qs.models.Conv4(None, channels=2, maps=True), relation_hidden=4
    ),
    "siamese": lambda: qs.Siamese(qs.models.Conv4(None, channels=2)),
    "r2d2": lambda: qs.R2D2(qs.models.Conv4(None, channels=2), "logistic", regulariser=2.0),
    "mann": lambda: qs.MANN(
        qs.models.Conv4(None, channels=2), 3, controller_size=4, slots=6, width=3, heads=2
    ),
    "linear_prior": lambda: qs.LinearPrior(
        qs.models.MLP(4, None, hidden=(5,)), targets=2, prior_scale=0.5
    ),
    "logistic_prior": lambda: qs.LogisticPrior(
        qs.models.MLP(4, None, hidden=(5,)), way=3, posterior_steps=4
    ),
    "mixed_prior": lambda: qs.MixedPrior(
        qs.models.MLP(4, None, hidden=(5,)), targets=(0, 3), posterior_steps=4
    ),
    "hard_sharing": lambda: qs.HardSharing(
        qs.models.MLP(4, 3, hidden=(5,)), num_tasks=6, penalty=0.5
    ),
    "partial_sharing": lambda: qs.PartialSharing(
        qs.models.MLP(4, 3, hidden=(5,)), num_tasks=6, own=("features.1", "head.bias")
    ),
    "soft_sharing": lambda: qs.SoftSharing(
        qs.models.MLP(4, 3, hidden=(5,)), num_tasks=6, relation="trace"
    ),
    "generator": lambda: qs.Generator(
        qs.models.MLP(4, 3, hidden=(5,)),
        "lowrank",
        layers=("features.1",),
        side=(0, 2),
        inner_steps=1,
    ),
    "finetune": lambda: qs.Finetune(qs.models.Conv4(None, channels=2), pretraining_classes=7),
}


def test_what_is_written_is_read(tmp_path):
    tensors = {
        "a/b": torch.randn(2, 3).t(),
        "empty": torch.zeros(0),
        "flag": torch.tensor(True),
        "step": torch.tensor(3.0),
    }
    details = {"none": None, "number": 0.1, "list": [1, "two"]}
    checkpoint.write(tmp_path / "new" / "file", tensors, details)
    found, found_details = checkpoint.read(tmp_path / "new" / "file")
    assert same_bits(found, tensors) and found_details == details


def test_tensors_that_share_memory_are_saved(tmp_path):
    whole = torch.arange(6.0)
    checkpoint.write(tmp_path / "file", {"whole": whole, "part": whole[2:4]}, {})
    assert checkpoint.read(tmp_path / "file")[0]["part"].tolist() == [2, 3]


def disk_full(*arguments: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("place", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_file_before_and_nothing_else(tmp_path, monkeypatch, place):
    path = tmp_path / "file"
    checkpoint.write(path, {"a": torch.ones(3)}, {"step": 1})
    before = path.read_bytes()
    monkeypatch.setattr(*{"fsync": (os, "fsync"), "replace": (Path, "replace")}[place], disk_full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.write(path, {"a": torch.zeros(3)}, {"step": 2})
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_disk_that_fills_up_in_training_leaves_the_last_checkpoint(tmp_path, monkeypatch):
    qs.fit(sine_learner(), sines(), 3, out=tmp_path, progress=False)
    before = {
        path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix == ".safetensors"
    }
    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(OSError, match="No space left"):
        qs.fit(sine_learner(), sines(), 6, out=tmp_path, resume=True, progress=False)
    assert {
        path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix == ".safetensors"
    } == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.fixture
def run(tmp_path):
    qs.fit(sine_learner(), sines(), 2, out=tmp_path / "run", progress=False)
    return tmp_path / "run"


@pytest.mark.parametrize("left", [0, 4, 100, -50])
def test_a_truncated_file(run, left):
    path = run / "last.safetensors"
    path.write_bytes(path.read_bytes()[:left])
    for read in (qs.load, qs.load_adapted):
        with pytest.raises(
            qs.UserError, match=r"should be a quickstudy checkpoint\. It cannot be read"
        ):
            read(path)


def test_files_that_are_none_of_ours(tmp_path):
    save_file({"a": torch.ones(1)}, tmp_path / "other")
    with pytest.raises(qs.UserError, match="safetensors file of another kind"):
        qs.load(tmp_path / "other")
    (tmp_path / "pickle").write_bytes(b"\x80\x04\x95")
    with pytest.raises(qs.UserError, match="cannot be read"):
        qs.load(tmp_path / "pickle")
    with pytest.raises(qs.UserError, match="Found neither"):
        qs.load(tmp_path / "missing")
    with pytest.raises(qs.UserError, match="no such file"):
        qs.load_adapted(tmp_path / "missing")
    with pytest.raises(qs.UserError, match="Found none: train with"):
        qs.load(tmp_path)
    checkpoint.write(tmp_path / "half", {}, {})
    with pytest.raises(qs.UserError, match="should be a learner's checkpoint"):
        qs.load(tmp_path / "half")


def test_a_run_without_an_adapted_task(run):
    with pytest.raises(qs.UserError, match=r"use qs\.load, then adapt"):
        qs.load_adapted(run / "last.safetensors")


@pytest.mark.parametrize("name", qs.learners.LEARNERS)
def test_every_learner_comes_back_as_it_was(tmp_path, name):
    learner = LEARNERS[name]()
    with torch.no_grad():
        for parameter in learner.parameters():
            parameter.add_(0.01)
    checkpoint.write(tmp_path / "file", *checkpoint.pack(learner))
    again = qs.load(tmp_path / "file")
    assert type(again) is type(learner) and not again.training
    assert same_bits(bits(again), bits(learner))
    assert json.dumps(checkpoint.pack(again)[1]) == json.dumps(checkpoint.pack(learner)[1])


def test_a_learner_of_parts_comes_back_as_it_was(tmp_path):
    part, step = qs.learners.parts.Head(), qs.learners.steps.Descent(0.3, "adam")
    gradient = qs.learners.outer.QueryLoss("stepwise")
    model = qs.models.MLP(4, 3, hidden=(5,))
    learner = qs.learners.Assembled(model, part, step, gradient, inner_steps=2)
    checkpoint.write(tmp_path / "file", *checkpoint.pack(learner))
    again = qs.load(tmp_path / "file")
    assert checkpoint.pack(again)[1] == checkpoint.pack(learner)[1]
    assert again.step.inner_lr == 0.3 and same_bits(bits(again), bits(learner))


def test_frozen_parameters_come_back_frozen(tmp_path):
    learner = proto()
    learner.model.features[1].weight.requires_grad_(False)
    checkpoint.write(tmp_path / "file", *checkpoint.pack(learner))
    again = qs.load(tmp_path / "file")
    assert [name for name, p in again.named_parameters() if not p.requires_grad] == [
        "model.features.1.weight"
    ]


def test_a_module_of_your_own_is_given_again(tmp_path):
    learner = qs.MAML(Own(), inner_lr=0.2)
    qs.fit(learner, blobs().episodes(3, 2, 4), 2, out=tmp_path, progress=False)
    with pytest.raises(qs.UserError, match=r"Own is a class of your own: name it, classes="):
        qs.load(tmp_path)
    again = qs.load(tmp_path, model=Own())
    assert again.inner_lr == 0.2 and same_bits(bits(again), bits(learner))
    with pytest.raises(qs.UserError, match=r"weights .* should be those of this learner"):
        qs.load(tmp_path, model=qs.models.MLP(4, 6))


def made_of_trunks(trunk: torch.nn.Module) -> qs.Learner:
    stitched = qs.models.CrossStitch(trunk, None, embedding_size=trunk.embedding_size)
    return qs.PartialSharing(
        qs.models.MixtureOfExperts(stitched, 3, num_experts=2, gate_inputs=784), num_tasks=2
    )


def test_a_model_made_of_others_comes_back_with_them(tmp_path):
    learner, support = (
        made_of_trunks(qs.models.Conv4(None, channels=2, downsample="stride")),
        images().episodes(3, 2, 1),
    )
    checkpoint.write(tmp_path / "file", *checkpoint.pack(learner))
    again, task = qs.load(tmp_path / "file"), support.sample(1, qs.Moment(0, "new")).support
    assert same_bits(bits(again), bits(learner)) and again.model.trunk.trunk.downsample == "stride"
    assert torch.equal(
        again.predict(again.adapt(task, 2), task.x), learner.predict(learner.adapt(task, 2), task.x)
    )
    experts = qs.models.MixtureOfExperts(qs.models.MLP(4, None, hidden=(5,)), None)
    several = qs.PartialSharing(
        qs.models.MultiTarget(experts, targets=(0, 3)), 2, own=("trunk.gate", "head")
    )
    checkpoint.write(tmp_path / "several", *checkpoint.pack(several))
    assert qs.load(tmp_path / "several").model.targets == (0, 3) and same_bits(
        bits(qs.load(tmp_path / "several")), bits(several)
    )
    own = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 4))
    own.embedding_size = 4
    learner = made_of_trunks(own)
    checkpoint.write(tmp_path / "own", *checkpoint.pack(learner))
    with pytest.raises(
        qs.UserError,
        match=r"a module of your own \(Sequential\): pass it as `model=`",
    ):
        qs.load(tmp_path / "own")
    assert same_bits(
        bits(qs.load(tmp_path / "own", model=made_of_trunks(own).model)), bits(learner)
    )


def test_a_checkpoint_holds_tensors_and_json_and_no_code(run):
    with safe_open(run / "last.safetensors", "pt") as file:
        names, metadata = set(file.keys()), file.metadata()
    assert metadata.keys() == {"format", "details"}
    assert json.loads(metadata["details"])["learner"]["class"] == "MAML"
    assert {name.split("/")[0] for name in names} == {"learner", "optimizer"}
    # pickle, torch.save
    assert not [path for path in run.iterdir() if path.read_bytes()[:2] in (b"\x80\x04", b"PK")]


def conv() -> tuple[qs.Learner, qs.tasks.TaskSource]:
    return qs.ProtoNet(qs.models.Conv4(None, channels=4)), images().episodes(way=3, shot=2, query=3)


def sine() -> tuple[qs.Learner, qs.tasks.TaskSource]:
    return sine_learner(inner_steps=3), sines()


PREDICT = """
import sys, torch, quickstudy as qs
from safetensors.torch import load_file, save_file
learner, adapted = qs.load_adapted(sys.argv[1])
save_file({"scores": learner.predict(adapted, load_file(sys.argv[2])["x"])}, sys.argv[3])
"""


@pytest.mark.parametrize("make", [conv, sine])
def test_a_mastered_task_predicts_the_same_bits_in_another_process(tmp_path, make):
    learner, source = make()
    qs.fit(learner, source, 2, progress=False)
    episode = source.sample(2, qs.Moment(0, "new"))
    adapted = learner.adapt(episode.support)
    task, x, scores = (tmp_path / name for name in ("task", "x", "scores"))
    qs.save_adapted(task, learner, adapted)
    save_file({"x": episode.query.x.contiguous()}, x)
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    subprocess.run(
        [sys.executable, "-W", "error", "-c", PREDICT, task, x, scores],
        check=True,
        env=os.environ | threads,
    )
    with safe_open(scores, "pt") as file:
        assert torch.equal(file.get_tensor("scores"), learner.predict(adapted, episode.query.x))


@pytest.mark.parametrize(
    ("make", "moved"),
    [
        (lambda: qs.MetaSGD(qs.models.MLP(4, 3)), "step.rates.0"),
        (lambda: qs.CAVIA(qs.models.MLP(4, 3)), "part.modulation.weight"),
        (lambda: qs.Finetune(qs.models.MLP(4, None), 5), "gradient.head.weight"),
    ],
)
def test_names_of_version_0_1_0_are_read(make, moved, tmp_path):
    learner, rooms = make(), ("part", "step", "gradient")
    old = {
        name.partition(".")[2] if name.split(".")[0] in rooms else name: torch.randn_like(value)
        for name, value in learner.state_dict().items()
    }
    assert moved not in old and moved.partition(".")[2] in old
    restore_learner(learner, {f"learner/{name}": value for name, value in old.items()}, tmp_path)
    assert torch.equal(learner.state_dict()[moved], old[moved.partition(".")[2]])
