"""Networks are trained once, and their heads held as the tasks ask for."""

import numpy as np

import quickstudy as qs
from quickstudy.ladder.ladder import ladder_rows
from quickstudy.ladder.rungs import (
    Network,
    Sharing,
)
from quickstudy.ladder.rungs.sharing import PROXIMAL
from quickstudy.tasks.table_form import TableForm
from tests.unit.ladder.small import table


def test_two_rungs_on_one_network_train_it_once(monkeypatch):
    trained = []
    monkeypatch.setattr(
        "quickstudy.ladder.rungs.sharing.train_whole",
        lambda *arguments: trained.append(arguments[-1]),
    )
    network = Network(heads=True)
    ways = [
        Sharing("own", True, False, network=network),
        Sharing("refitted", True, True, network=network),
    ]
    refitted = ladder_rows(table(), splits=2, ways=ways)[-1]
    assert trained == [0, 1] and refitted.fit_seconds >= network.seconds > 0


def test_a_refitted_head_is_held_as_strongly_as_the_training_tasks_ask_for():
    """Levels that differ by far more than the noise let the head move, equal levels hold it."""
    apart, alike = table(), table()
    alike.frame["y"] = 3 * alike.frame["x"] + np.random.default_rng(1).normal(
        0, 20, len(alike.frame)
    )
    chosen = []
    for rows in (apart, qs.tasks.Table(alike.frame, "shop", "y")):
        way = Sharing("refitted", heads=False, refit=True)
        train = rows.whole()
        way.fit(TableForm.of(train, rows.labels).tasks(train), 0)
        chosen.append(way.learner.proximal)
    assert chosen == [min(PROXIMAL), max(PROXIMAL)]
