"""The evidence chooses the features of the learned prior."""

import quickstudy as qs
from quickstudy.ladder.rungs import (
    LearnedPrior,
)
from tests.unit.ladder.small import table


def test_the_evidence_chooses_the_features():
    train, _ = table().split_rows(0.75, 0)
    chosen = []
    for square in (0.0, 1.0):
        rung = LearnedPrior()
        rung.fit(
            qs.tasks.TableTasks(
                train.x,
                (train.y - 50) / 10 + square * train.x**2,
                *(
                    getattr(train, n)
                    for n in ("task", "names", "identity", "target", "encoder", "label")
                ),
            ),
            0,
        )
        chosen.append(rung.learner.model.degree)
    assert chosen == [1, 2]
