"""LightGBM is on the ladder where it is installed."""

import pytest

from quickstudy.ladder.ladder import ladder_rows
from quickstudy.ladder.rungs import LightBoosting, Pooled, rungs
from quickstudy.ladder.rungs.light import is_installed
from tests.unit.ladder.small import passes, table


def test_it_is_on_the_ladder_if_it_is_installed():
    names = [rung.name for rung in rungs()]
    assert (LightBoosting.name in names) == is_installed()


@pytest.mark.skipif(not is_installed(), reason="LightGBM is not installed")
@pytest.mark.parametrize("tasks", [table, passes])
def test_what_differs_between_tasks_is_seen(tasks):
    known = ladder_rows(tasks(12, 40), 1, ways=[Pooled(), LightBoosting()])
    assert known[1].error < 0.8 * known[0].error
