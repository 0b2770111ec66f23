"""Estimates stand in order, each with its number."""

import pytest

from quickstudy import reporting
from quickstudy.training import Estimate
from tests.unit.reporting.small import NAN, drawn, evaluation, marked


def test_groups_stand_from_the_easiest_to_the_hardest() -> None:
    groups = {
        "b": Estimate(0.5, 0.1, 9),
        "lost": Estimate(NAN, NAN, 9, 9),
        "a": Estimate(0.9, 0.1, 9),
    }
    figure = drawn(reporting.accuracy_by_group(groups, chance=0.2))
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["a", "b", "lost"]
    assert marked(figure, "chance")[0].get_xdata() == [20, 20]  # type: ignore[attr-defined]
    assert not marked(drawn(reporting.accuracy_by_group(groups)), "chance")


@pytest.mark.parametrize("metric", ["accuracy", "mean_squared_error"])
def test_the_learner_stands_above_its_baselines(metric: str) -> None:
    figure = drawn(reporting.baselines_chart(evaluation(metric)))
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["this learner", "nearest neighbour", "untrained", "from scratch"]
    assert len(marked(figure, "chance")) == (metric == "accuracy")
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert (
        "70.00 ± 1.00 %" if metric == "accuracy" else "0.700 ± 0.010"
    ) in texts and "diverged" in texts


def test_errors_that_span_decades_are_shown_on_a_logarithmic_axis() -> None:
    found = evaluation("mean_squared_error", baselines={"support mean": Estimate(90.0, 100.0, 5)})
    assert drawn(reporting.baselines_chart(found)).axes[0].get_xscale() == "log"
    assert drawn(reporting.curve_over_steps(found)).axes[0].get_yscale() == "log"
