"""Results are told in plain words."""

import math
from dataclasses import replace

import torch

import quickstudy as qs
from quickstudy.reporting.words import (
    against_baselines,
    default_title,
    headline,
    relation,
    transduction,
    written,
)
from quickstudy.training import Estimate
from tests.unit.reporting import small
from tests.unit.reporting.related import relatedness


def test_the_words_of_a_result() -> None:
    evaluation = replace(
        small.evaluation(),
        estimate=Estimate(0.9, 0.01, 100),
        baselines={"a": Estimate(0.5, 0.01, 100), "b": Estimate(0.2, 0.0, 9)},
    )
    assert (
        against_baselines(evaluation)
        == "The best plain baseline, a, reaches 50.00 ± 1.00 %, which it beats."
    )
    assert against_baselines(replace(evaluation, estimate=Estimate(0.4, 0.01, 100))).endswith(
        "which beats it."
    )
    assert "cannot tell apart" in against_baselines(
        replace(evaluation, estimate=Estimate(0.505, 0.01, 100))
    )
    assert "cannot tell apart" in against_baselines(
        replace(evaluation, estimate=Estimate(0.9, math.nan, 1))
    )
    assert against_baselines(replace(evaluation, baselines={})) == ""
    error = replace(evaluation, metric="mean_squared_error", source={})
    assert against_baselines(error).startswith(
        "The best plain baseline, b, reaches 0.200 ± 0.000, which beats it"
    )
    assert headline(error) == (
        "The learner predicts further targets with a mean squared error of 0.900 ± 0.010 "
        "(mean over 100 tasks with its 95 % interval)."
    )
    ranges = replace(evaluation, source={"way": (5, 20), "shot": [1, 5]})
    assert headline(ranges).startswith(
        "Given 1 to 5 examples of each of 5 to 20 classes, the learner names"
    )
    assert written(Estimate(math.nan, math.nan, 5, 5), "accuracy") == "diverged on all 5 tasks"
    assert (
        written(Estimate(0.5, 0.1, 5, 2), "accuracy") == "50.00 ± 10.00 % (2 of 5 tasks diverged)"
    )


def test_relations_say_the_measure_and_the_groups() -> None:
    found = relatedness(groups=3)
    measured, groups = relation(found)
    assert measured.startswith("Measured is the cosine of the gradients")
    assert "agree on 70%" in groups and "better than one group does" in groups
    one = replace(found, groups=torch.zeros(12, dtype=torch.long), measure="mine")
    assert relation(one)[0] == "Measured is the measure mine."
    assert relation(one)[1].endswith("share between all tasks alike.")


def test_a_title_names_learner_and_tasks() -> None:
    learner = qs.ProtoNet(qs.models.MLP(2, None, hidden=(2,)))
    assert default_title(learner, small.evaluation()) == "ProtoNet on noise, 5-way 1-shot"
    assert default_title(learner, small.evaluation(source={})) == "ProtoNet on new tasks"
    assert transduction(True).startswith("Transductive") and "own" in transduction(False)
