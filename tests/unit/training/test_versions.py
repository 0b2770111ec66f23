"""Checkpoints of version 0.1.0: two files that it wrote, and what became of them there."""

import shutil
from pathlib import Path

import pytest
import torch

import quickstudy as qs
from quickstudy.training import checkpoint
from quickstudy.training.versions import FIRST, upgraded, with_later

FILES = Path(__file__).parent / "version_0_1_0"


def test_a_run_of_version_0_1_0_goes_on(tmp_path):
    shutil.copy(FILES / "maml.safetensors", tmp_path / "last.safetensors")
    learner = qs.MAML(qs.models.MLP(1, 1, hidden=(3,)), inner_lr=0.01, inner_steps=2)
    source = qs.tasks.Sinusoid().episodes(shot=3, query=3)
    fitted = qs.train(learner, source, 5, 2, out=tmp_path, resume=True, progress=False)
    # what version 0.1.0 had after the same two steps
    expected = [0.2549327313899994, 0.40462803840637207, -0.18466980755329132]
    assert fitted.step == 5
    found = learner.model.head.weight.detach().flatten()
    torch.testing.assert_close(found, torch.tensor(expected))
    torch.testing.assert_close(learner.model.head.bias.item(), 0.11031320691108704)


def test_a_task_of_version_0_1_0_predicts():
    learner, adapted = qs.load_adapted(FILES / "protonet.task")
    assert (type(learner), learner.scale) == (qs.ProtoNet, 5.0)
    assert [p.requires_grad for p in learner.parameters()] == [False, True]
    x = torch.linspace(0, 1, 4 * 784).reshape(1, 4, 1, 28, 28)
    expected = [[-0.066470496, -0.265882015], [0.0, -0.066470496], [-0.066470481, 0.0]]
    found = learner.predict(adapted, x)[0]
    torch.testing.assert_close(found[:3], torch.tensor(expected), rtol=1e-5, atol=1e-6)
    assert checkpoint.describe_adapted(FILES / "protonet.task")["outputs"] == ["a", "b"]


def test_a_file_from_before_a_buffer_came_has_its_first_value():
    learner = qs.LinearPrior(torch.nn.Identity(), embedding_size=2)
    own = learner.state_dict()
    old = {name: value + 1 for name, value in own.items() if name != "noise_shape"}
    found = with_later(old, own)
    assert torch.equal(found["noise_shape"], torch.tensor([float("inf")]))
    assert torch.equal(found["mean"], old["mean"])
    # other tensors that a file lacks stay lacking
    assert set(with_later({}, own)) == {"noise_shape"}


SPEC = {
    "learner": "maml",
    "arguments": {"inner_lr": 0.1},
    "model": "mlp",
    "model_arguments": {"hidden": [3]},
    "frozen": [],
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learner": "none"}, "'none' is not known here: it was saved by another version"),
        ({"model": "none"}, "'none' is not known here"),
        ({"arguments": 3}, "It is damaged"),
        ({"frozen": 3}, "It is damaged"),
        ({"model_arguments": None}, "It is damaged"),
    ],
)
def test_a_damaged_file_of_version_0_1_0(change, message):
    with pytest.raises(qs.UserError, match=message):
        upgraded({"spec": {**SPEC, **change}}, FIRST)


def test_an_argument_that_is_no_more(tmp_path):
    spec = {**SPEC, "arguments": {"patience": 3}}
    details = upgraded({"spec": spec}, FIRST)
    checkpoint.write(tmp_path / "file", {}, details)
    with pytest.raises(qs.UserError, match="MAML was described by another version: it has no arg"):
        qs.load(tmp_path / "file")


def test_a_file_of_a_version_to_come(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "FORMAT", "quickstudy 9")
    checkpoint.write(tmp_path / "file", {}, {})
    monkeypatch.undo()
    with pytest.raises(qs.UserError, match="was written by a newer version of quickstudy"):
        qs.load(tmp_path / "file")
