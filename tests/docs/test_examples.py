"""The short examples do what they say."""

import re
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def printed(name: str, capsys: pytest.CaptureFixture[str]) -> list[float]:
    """The numbers that an example prints."""
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", capsys.readouterr().out)]


def test_maml_by_hand(capsys):
    # and it asserts that the gradients are equal
    by_hand, learners, *_ = printed("maml_by_hand", capsys)
    assert by_hand == learners


def test_hyper_cleaning_finds_the_wrong_labels(capsys):
    _, wrong, right, found, mistaken, before, after = printed("data_hyper_cleaning", capsys)
    assert wrong < 0.2 and right > 0.8
    assert found > 90 and mistaken < 10
    assert after > before + 3


def test_learned_weight_decay_finds_the_features_that_count(capsys):
    _, count, _, others, before, after = printed("learned_weight_decay", capsys)
    assert count < 0.02 and others > 0.05
    assert after > before + 8


def test_segmentation_learns_letters():
    """A few steps already mark more than the guess from the support labels."""
    found = runpy.run_path(str(EXAMPLES / "segmentation.py"))["main"](steps=30, num_tasks=10)
    assert found.metric == "mean_iou"
    assert found.mean > found.baselines["support mean"].mean + 0.02
