"""School and Parkinson, one split each of what benchmarks/tables.py measures over ten."""

import pandas as pd

import quickstudy as qs
from quickstudy.ladder.ladder import ladder_rows, ladder_tasks
from quickstudy.ladder.rungs import LearnedPrior, Pooled, SupportMeanRung

WAYS = (SupportMeanRung, Pooled, LearnedPrior)


def test_school(school):
    table = qs.tasks.Table(school, task="school", target="score")
    assert len(table.names) == 139 and len(table.frame) == 15362
    mean, pooled, prior = ladder_rows(table, splits=1, ways=[way() for way in WAYS])
    assert (
        prior.error < 10.1 < pooled.error < mean.error
        and prior.metrics["explained_variance"] > 0.36
    )
    assert prior.adapt_ms < 20


def test_parkinsons(parkinsons):
    rows = pd.read_csv(parkinsons).drop(columns="motor_UPDRS")
    table = qs.tasks.Table(rows, task="subject", target="total_UPDRS")
    scores = ladder_tasks(table, (2, 5, 10), 12, splits=1, draws=2, ways=[way() for way in WAYS])
    prior = {score.shot: score.error for score in scores if score.name == "learned prior"}
    assert prior[2] < 2.6 and prior[5] < 1.7 and prior[10] < 1.0
