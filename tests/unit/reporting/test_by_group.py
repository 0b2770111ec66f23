"""Groups of classes are evaluated one by one."""

from dataclasses import dataclass

import pytest

from quickstudy import reporting
from quickstudy.errors import UserError
from quickstudy.training import Estimate
from quickstudy.training.baselines import NearestNeighbour
from tests.unit.reporting.small import pool


@dataclass(frozen=True)
class Case:
    way: int
    names: set[str]


@pytest.mark.parametrize("case", [Case(2, {"Big", "Small"}), Case(5, {"Big"})])
def test_each_group_is_evaluated_on_its_own_classes(case: Case) -> None:
    found = reporting.accuracy_by_group_values(
        NearestNeighbour(), pool(noise=0.0), case.way, 1, query=2, num_tasks_each=5
    )
    assert set(found) == case.names  # groups of too few classes are left out
    assert all(estimate == Estimate(1.0, 0.0, 5) for estimate in found.values())


def test_a_group_has_to_be_large_enough() -> None:
    with pytest.raises(UserError, match="way=9, at most 8"):
        reporting.accuracy_by_group_values(NearestNeighbour(), pool(), 9, 1)
    with pytest.raises(UserError, match="num_tasks_each"):
        reporting.accuracy_by_group_values(NearestNeighbour(), pool(), 2, 1, num_tasks_each=0)
