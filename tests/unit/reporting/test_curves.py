"""Curves go through the recorded values, and mark the best one."""

import math

import numpy as np
import pytest

from quickstudy import reporting
from quickstudy.errors import UserError
from quickstudy.reporting.curves import smoothed
from quickstudy.training import Estimate
from tests.unit.reporting.small import NAN, drawn, evaluation, marked


def lines(steps: int, metric: str = "accuracy") -> list[dict[str, float]]:
    found: list[dict[str, float]] = []
    for step in range(20, steps + 1, 20):
        found.append({"step": step, "loss": 3 * 0.998**step, "lr": 1e-3, "tasks_per_second": 9.0})
        if step % 100 == 0:
            found.append({"step": step, f"validation_{metric}": 0.5 + 0.4 * math.sin(step / 300)})
    return found


@pytest.mark.parametrize(("metric", "choose"), [("accuracy", max), ("mean_squared_error", min)])
def test_the_best_validation_is_marked(metric: str, choose: object) -> None:
    metrics = lines(2000, metric)
    figure = drawn(reporting.learning_curves(metrics))
    values = {
        line["step"]: line[f"validation_{metric}"]
        for line in metrics
        if f"validation_{metric}" in line
    }
    best = choose(values, key=values.__getitem__)  # type: ignore[operator]
    assert len(figure.axes) == 3
    (mark,) = marked(figure, "best")
    assert mark.get_xydata().tolist() == [
        [best, pytest.approx(values[best] * (100 if metric == "accuracy" else 1))]
    ]  # type: ignore[attr-defined]


def test_a_legend_stands_outside_its_panel() -> None:
    figure = drawn(reporting.learning_curves(lines(2000)))
    legends = [axes for axes in figure.axes if axes.get_legend() is not None]
    assert len(legends) == 2
    for axes in legends:
        assert axes.get_legend().get_window_extent().y0 >= axes.get_window_extent().y1


def test_learning_curves_of_what_there_is() -> None:
    assert (
        len(drawn(reporting.learning_curves([line for line in lines(300) if "loss" in line])).axes)
        == 2
    )
    assert (
        len(drawn(reporting.learning_curves([{"step": 5, "validation_accuracy": NAN}])).axes) == 1
    )
    assert len(drawn(reporting.learning_curves([{"step": 1, "loss": 2.0, "lr": 0.0}])).axes) == 2
    with pytest.raises(UserError, match="losses or validations"):
        reporting.learning_curves([])


def test_smoothing_keeps_a_constant_and_a_short_curve() -> None:
    assert smoothed(np.full(500, 3.0)) == pytest.approx(3.0)
    assert smoothed(np.array([1.0, 5.0, 2.0])).tolist() == [1.0, 5.0, 2.0]


def test_the_curve_over_steps() -> None:
    figure = drawn(reporting.curve_over_steps(evaluation()))
    curve, *plain = figure.axes[0].lines
    assert curve.get_xydata().tolist() == [[0, 20], [1, pytest.approx(30)], [5, pytest.approx(70)]]  # type: ignore[union-attr]
    # the one that diverged has no line
    assert [line.get_label() for line in plain] == ["nearest neighbour", "untrained"]
    long = evaluation(per_step={step: Estimate(0.5, 0.1, 9) for step in (0, 1, 5, 100)})
    assert [
        tick.get_text()
        for tick in drawn(reporting.curve_over_steps(long)).axes[0].get_xticklabels()
    ] == ["0", "1", "5", "100"]
    with pytest.raises(UserError, match="inner steps"):
        reporting.curve_over_steps(evaluation(per_step={0: Estimate(0.5, 0.1, 9)}))
