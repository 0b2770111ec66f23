"""How a metric is told: its direction, its unit, and the sentence that it stands in."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """Say how a person is told the value of a metric.

    Attributes:
        higher_is_better: Whether a larger value is a better one.
        percent: Whether it is told in percent.
        sentence: The predicate of a sentence about a learner with the value ``{}``.
    """

    higher_is_better: bool = False
    percent: bool = False
    sentence: str = "predicts further examples with {}"


METRICS: dict[str, Metric] = {
    "accuracy": Metric(True, True, "names the class of further examples correctly in {} of cases"),
    "mean_squared_error": Metric(
        sentence="predicts further targets with a mean squared error of {}"
    ),
    "loss": Metric(sentence="predicts further targets with a mean loss of {}"),
    "mean_iou": Metric(
        True, True, "marks further pictures with a mean intersection over union of {}"
    ),
    "pixel_accuracy": Metric(True, True, "names the class of {} of the pixels of further pictures"),
}
"""The metrics by name; a user's target may add the metrics that it gives."""


def metric_of(name: str) -> Metric:
    """Give the metric ``name``; an unknown one is a plain number, the less the better."""
    return METRICS.get(name, Metric(sentence=f"predicts further examples with a {name} of {{}}"))


__all__ = ["METRICS", "Metric", "metric_of"]
