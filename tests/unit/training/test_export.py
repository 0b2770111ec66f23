"""An exported model gives what `predict` gives, for any number of examples, without the library."""

import json
import logging
import os
import subprocess
import sys

import onnxruntime
import pytest
import torch

import quickstudy as qs
from quickstudy.training import export as export_function
from quickstudy.training.export import AdaptedModel
from tests.laws.battery import CASES

PLAIN = [case for case in CASES if not case.learner().transductive]
IN_ONNX = (
    *("first-order", "shared-head", "anil-stepwise-norm-support", "metasgd-unrolled"),
    *("sgd-in-turn", "protonet-norm", "matching-mlp", "relation-conv", "siamese-mlp"),
    *("logistic-norm", "finetune-norm-support", "anil-unet"),
)


def prepared(case):
    learner, episodes = case.learner(torch.float32), case.episodes(torch.float32, 1)
    return learner, learner.adapt(episodes.support), episodes.query.x


def test_only_transductive_cases_are_left_out():
    left = {case.name for case in CASES} - {case.name for case in PLAIN}
    assert left and all("transductive" in name or "batch" in name for name in left)


@pytest.mark.parametrize("case", PLAIN, ids=str)
def test_a_loaded_program_gives_the_scores_of_predict(case, tmp_path):
    learner, adapted, x = prepared(case)
    before = {name: value.clone() for name, value in (learner.state_dict() | adapted).items()}
    qs.export(tmp_path / "model.pt2", learner, adapted, x)
    assert all(
        torch.equal(before[name], value) for name, value in (learner.state_dict() | adapted).items()
    )
    program = torch.export.load(tmp_path / "model.pt2").module()
    for count in (1, 2, x.shape[1], 9):
        some = x.repeat(1, 3, *[1] * (x.ndim - 2))[:, :count]
        torch.testing.assert_close(
            program(some[0]), learner.predict(adapted, some)[0], rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in PLAIN
        if case.name.endswith(IN_ONNX) and (case.tasks != "images" or "relation" in case.name)
    ],
    ids=str,
)
def test_an_onnx_model_gives_the_scores_of_predict(case, tmp_path):
    learner, adapted, x = prepared(case)
    qs.export(tmp_path / "model.onnx", learner, adapted, x)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    assert [one.name for one in (*session.get_inputs(), *session.get_outputs())] == ["x", "scores"]
    for count in (1, x.shape[1]):
        (scores,) = session.run(None, {"x": x[0, :count].numpy()})
        torch.testing.assert_close(
            torch.from_numpy(scores),
            learner.predict(adapted, x[:, :count])[0],
            rtol=1e-4,
            atol=1e-5,
        )


WITHOUT_US = """
import sys, torch
assert "quickstudy" not in sys.modules
files = {"quickstudy": ""}
program = torch.export.load(sys.argv[1], extra_files=files).module()
assert "quickstudy" not in sys.modules
print(files["quickstudy"] if isinstance(files["quickstudy"], str) else files["quickstudy"].decode())
print(program(torch.eye(2)).argmax(1).tolist())
"""


def identity():
    learner = qs.ProtoNet(torch.nn.Identity())
    support = qs.Batch.of(torch.eye(2), [1, 0])
    return learner, learner.adapt(support), support.x


def test_an_exported_model_needs_no_quickstudy_and_says_what_its_scores_are(tmp_path):
    qs.export(tmp_path / "model.pt2", *identity(), ["a", "b"], {"ink": "auto"})
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    call = [sys.executable, "-c", WITHOUT_US, tmp_path / "model.pt2"]
    details, best = subprocess.run(
        call, capture_output=True, text=True, check=True, env=environment
    ).stdout.splitlines()
    assert (
        json.loads(details) == {"classes": ["a", "b"], "example": [2], "task": {"ink": "auto"}}
        and best == "[1, 0]"
    )
    qs.export(tmp_path / "model.onnx", *identity(), ["a", "b"])
    properties = (
        onnxruntime.InferenceSession(tmp_path / "model.onnx").get_modelmeta().custom_metadata_map
    )
    assert json.loads(properties["quickstudy"]) == {
        "classes": ["a", "b"],
        "example": [2],
        "task": None,
    }


def test_outputs_without_a_class_are_left_out(tmp_path):
    learner = qs.MAML(qs.models.MLP(4, 5), inner_lr=0.1)
    support = qs.Batch.of(torch.randn(6, 4, generator=qs.generator(0, "x")), [0, 1, 2] * 2)
    adapted = learner.adapt(support)
    qs.export(tmp_path / "model.pt2", learner, adapted, support.x, ["a", "b", "c"])
    found = torch.export.load(tmp_path / "model.pt2").module()(support.x[0])
    assert torch.equal(found, learner.predict(adapted, support.x)[0, :, :3])


def test_the_weights_before_adapting_take_no_room():
    learner = qs.MAML(qs.models.MLP(100, 5, hidden=(100,)), inner_lr=0.1)
    adapted = learner.adapt(qs.Batch.of(torch.zeros(2, 100), [0, 1]))
    model = AdaptedModel(learner, adapted)
    places = {
        tensor.data_ptr(): tensor.numel() for tensor in (*model.parameters(), *model.buffers())
    }
    assert sum(places.values()) == sum(p.numel() for p in learner.parameters())
    assert all(
        model.learner.get_parameter(f"model.{name}").data_ptr() in places for name in adapted
    )


class Data(torch.nn.Module):
    """A model that asks its data, which no exporter can follow."""

    def forward(self, x):
        return x * 2 if x.sum() > 0 else x


def test_what_cannot_be_exported(tmp_path, monkeypatch, capfd):
    learner, adapted, x = identity()
    two = learner.adapt(qs.Batch(x.repeat(2, 1, 1), torch.tensor([[0, 1]] * 2), torch.ones(2, 2)))
    changing = qs.ProtoNet(Data())
    whole = qs.MAML(
        torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2)),
        inner_lr=0.1,
        statistics="transductive",
    )
    mistakes = {
        r"should end in \.pt2 or \.onnx\. Found 'model\.txt'": ("model.txt", learner, adapted),
        r"`adapted` should hold one task\. Found 2": ("model.pt2", learner, two),
        "transductive learner cannot be exported": (
            "model.pt2",
            whole,
            whole.adapt(qs.Batch.of(torch.eye(2), [0, 1])),
        ),
        r"torch\.export cannot export this model: ": (
            "model.pt2",
            changing,
            changing.adapt(qs.Batch.of(torch.eye(2), [0, 1])),
        ),
    }
    level = logging.root.manager.disable
    for message, (name, *parts) in mistakes.items():
        with pytest.raises(qs.UserError, match=message) as error:
            qs.export(tmp_path / name, *parts, x)
        assert "\n" not in str(error.value)
    monkeypatch.setattr(sys.modules[export_function.__module__], "find_spec", lambda name: None)
    with pytest.raises(
        qs.UserError, match=r"needs onnx and onnxscript: pip install 'quickstudy\[export\]'"
    ):
        qs.export(tmp_path / "model.onnx", learner, adapted, x)
    assert list(tmp_path.iterdir()) == [] and logging.root.manager.disable == level
    assert capfd.readouterr().err.strip().splitlines() in (
        [],
        ["Tasks are mapped by vmap: fastest for this model on cpu."],
    )
