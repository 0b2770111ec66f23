"""Targets of tasks: the only place that knows the form of an answer."""

from quickstudy.describe import register
from quickstudy.targets.classes import Classes
from quickstudy.targets.infer import infer
from quickstudy.targets.metric import METRICS, Metric, metric_of
from quickstudy.targets.numbers import Numbers
from quickstudy.targets.pixels import Pixels
from quickstudy.targets.several import Several
from quickstudy.targets.target import Target, mean_over_examples

TARGETS: dict[str, type[Target]] = {
    "classes": Classes,
    "numbers": Numbers,
    "several": Several,
    "pixels": Pixels,
}
"""The targets known by name."""

for _target in TARGETS.values():
    register(_target)

__all__ = [
    "METRICS",
    "TARGETS",
    "Classes",
    "Metric",
    "Numbers",
    "Pixels",
    "Several",
    "Target",
    "infer",
    "mean_over_examples",
    "metric_of",
]
