"""What a run's ``run.json`` holds, written and read."""

import json

import pytest
import torch

import quickstudy as qs
from quickstudy.describe import describe
from quickstudy.training.details import read_details
from tests.unit.training.small import blobs, sine_learner, sines


def test_what_is_written_is_read(tmp_path):
    learner = sine_learner()
    optimizer = torch.optim.SGD(learner.parameters(), lr=0.1)
    given = {"optimizer": optimizer, "seed": 7, "record": {"note": "mine"}, "progress": False}
    qs.fit(learner, sines(), 2, 3, tmp_path, **given)
    details = read_details(tmp_path)
    assert list(details) == [
        *("learner", "source", "tasks", "steps", "tasks_per_step", "seed", "transductive"),
        *("mapping", "threads", "versions", "optimizer", "scheduler", "balancer", "note"),
    ]
    assert details["tasks"] == json.loads(json.dumps(describe(sines())))
    assert (details["steps"], details["tasks_per_step"], details["seed"]) == (2, 3, 7)
    assert (details["optimizer"], details["scheduler"], details["balancer"]) == (
        "SGD",
        None,
        "mean",
    )
    assert details["learner"]["class"] == "MAML" and details["note"] == "mine"


def test_data_in_memory_is_not_described(tmp_path):
    learner = qs.ProtoNet(qs.models.MLP(4, None, hidden=(8,)))
    qs.fit(learner, blobs().episodes(3, 1, 2), 1, out=tmp_path, progress=False)
    assert read_details(tmp_path)["tasks"] is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "Found none: train with --out"),
        ("{", "should hold JSON. It is damaged"),
        ("[1]", "should hold a JSON object. Found a list"),
    ],
)
def test_what_cannot_be_read(tmp_path, text, message):
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    with pytest.raises(qs.UserError, match=message):
        read_details(tmp_path)
    with pytest.raises(qs.UserError, match="Found no such folder"):
        read_details(tmp_path / "other")
