"""Metrics are read up to the first line that is damaged."""

import pytest
import torch

from quickstudy.training.metrics import Events, MetricLog, read_metrics

GOOD = b'{"step": 20, "loss": 1.0}\n{"step": 40, "loss": 0.5}\n'


@pytest.mark.parametrize(
    ("damaged", "steps"),
    [
        (GOOD + b'{"step": 60, "lo', [20, 40]),
        (GOOD[:30] + b"\xff" + GOOD[31:], [20]),
        (b"3\n" + GOOD, []),
        (b"{}\n" + GOOD, []),
        (b'{"step": "x"}\n' + GOOD, []),
        (GOOD, [20, 40]),
    ],
)
def test_lines_before_the_first_damaged_one(tmp_path, damaged, steps):
    (tmp_path / "metrics.jsonl").write_bytes(damaged)
    assert [line["step"] for line in read_metrics(tmp_path / "metrics.jsonl")] == steps
    with MetricLog(tmp_path, tensorboard=False, step=30) as log:
        log.validation(31, "accuracy", 0.5)
    again = [line["step"] for line in read_metrics(tmp_path / "metrics.jsonl")]
    assert again == [step for step in steps if step <= 30] + [31]


def test_the_loss_is_a_mean_over_twenty_steps(tmp_path):
    with MetricLog(tmp_path, tensorboard=False, step=0) as log:
        for step in range(1, 26):
            log.loss(step, float(step), 0.1, tasks=4, flush=step == 25)
    lines = read_metrics(tmp_path / "metrics.jsonl")
    assert [(line["step"], line["loss"]) for line in lines] == [(20, 10.5), (25, 23.0)]


def test_learned_weights_stand_beside_the_loss(tmp_path):
    with MetricLog(tmp_path, tensorboard=False, step=0) as log:
        log.loss(1, 2.0, 0.1, tasks=4, flush=True, weights=torch.tensor([0.25, 1.75]))
    (line,) = read_metrics(tmp_path / "metrics.jsonl")
    assert (line["weight/0"], line["weight/1"], line["lr"]) == (0.25, 1.75, 0.1)


def test_without_a_folder_no_events_are_written():
    events = Events(None, 0)
    events.add(1, {"loss": 1.0})
    events.flush()
    events.close()
