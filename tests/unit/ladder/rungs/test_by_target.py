"""A rung for every target predicts as on a table of that target only."""

import numpy as np
import pytest
import torch

import quickstudy as qs
from quickstudy.ladder.ladder import ladder_rows
from quickstudy.ladder.rungs import (
    ByTarget,
    LearnedPrior,
)
from tests.unit.ladder.small import KINDS, METRICS, QUICK, frame, mixed


@pytest.mark.parametrize("make", QUICK)
def test_each_target_is_predicted_as_on_its_own(make):
    """Exactly: what the plain rung says on a table of that target alone."""
    data = frame(8, 12)
    both = ByTarget(make)
    train, test = mixed(data).split_rows(0.75, 0)
    both.fit(train, 0)
    found = both.predict(qs.Episode(train.batch(), test.batch(), test.identity), True).split(
        [1, 2], -1
    )
    (score,) = ladder_rows(mixed(data), 1, ways=[both])
    for (name, kind), said in zip(KINDS.items(), found, strict=True):
        table = qs.tasks.Table(
            data.drop(columns=[other for other in KINDS if other != name]), "school", name, kind
        )
        train, test = table.split_rows(0.75, 0)
        alone = make()
        alone.fit(train, 0)
        assert torch.equal(
            said, alone.predict(qs.Episode(train.batch(), test.batch(), test.identity), True)
        )
        assert score.metrics[METRICS[name]] == pytest.approx(
            ladder_rows(table, 1, ways=[make()])[0].error, rel=1e-4
        )


@pytest.mark.parametrize(
    "make", [*(lambda make=make: ByTarget(make) for make in QUICK[:4]), LearnedPrior]
)
def test_a_missing_label_changes_nothing_for_the_other_target(make):
    data = frame(8, 12)
    lacking = data.assign(
        passed=data["passed"].where(np.random.default_rng(1).random(len(data)) > 0.4)
    )
    found = []
    for table in map(mixed, (data, lacking)):
        train, test = table.split_rows(0.75, 0)
        rung = make()
        rung.fit(train, 0)
        found.append(rung.predict(qs.Episode(train.batch(), test.batch(), test.identity), True))
    score, passed = zip(*(one.split([1, 2], -1) for one in found), strict=True)
    assert torch.equal(*score) and not torch.equal(*passed)
