"""Figures are files of the same bytes, and axes fit their values."""

import numpy as np

from quickstudy import reporting
from quickstudy.reporting.style import metric_label, metric_scale, png, spans_decades
from tests.unit.reporting.small import NAN, evaluation


def test_the_same_figure_gives_the_same_file() -> None:
    assert png(reporting.baselines_chart(evaluation())) == png(
        reporting.baselines_chart(evaluation())
    )


def test_an_axis_is_logarithmic_only_for_positive_values_that_differ_thirtyfold():
    assert spans_decades(np.array([1.0, NAN, 31.0]))
    for values in ([1.0, 30.0], [0.0, 100.0], [-1.0, 100.0], [NAN], []):
        assert not spans_decades(np.array(values))


def test_accuracies_are_shown_in_percent():
    assert (metric_scale("accuracy"), metric_label("accuracy")) == (100, "accuracy (%)")
    name = "mean_squared_error"
    assert (metric_scale(name), metric_label(name)) == (1, "mean squared error")
