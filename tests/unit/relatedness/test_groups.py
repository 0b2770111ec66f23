"""Planted groups are found; where nothing can be told there is one."""

import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from quickstudy.relatedness import MEASURES, relate
from quickstudy.relatedness.groups import cut, tree_of
from tests.unit.relatedness.planted import planted, probe


@pytest.mark.parametrize("measure", MEASURES)
def test_planted_groups_are_found(measure):
    tasks, groups = planted(3, rows=100)
    found = relate(probe(measure, tasks), tasks, measure, splits=3)
    assert (
        adjusted_rand_score(groups.tolist(), found.groups.tolist()) == 1 and found.num_groups == 3
    )
    assert set(found.members(0)) in [
        {str(task) for task in range(18) if task % 3 == group} for group in range(3)
    ]


@pytest.mark.parametrize("measure", ["gradient", "posterior"])
@pytest.mark.parametrize("seed", range(2))
def test_tasks_too_small_to_tell_are_one_group(measure, seed):
    """Four noisy rows a task: groups are there, but the rows cannot tell. A group of related tasks
    is then nearly drawn uniformly."""
    tasks, _ = planted(seed, rows=4, noise=5.0)
    found = relate(probe(measure, tasks), tasks, measure, splits=5)
    assert found.num_groups == 1 and found.reliability < 0.25
    companions = [
        (matrix / 0.25).masked_fill(torch.eye(18, dtype=torch.bool), -torch.inf).softmax(1)
        for matrix in (found.similarity, found.seen)
    ]
    apart, unshrunk = (
        float((likely - (1 / 17) * (likely > 0)).abs().sum(1).mean() / 2) for likely in companions
    )
    assert apart < 0.2 and apart < 0.6 * unshrunk, (apart, unshrunk)


def test_alike_tasks_are_one_group():
    tasks, _ = planted(0, rows=40, spread=0.0, within=0.0)
    assert relate(probe("gradient", tasks), tasks, splits=5).num_groups == 1


def test_two_tasks_are_one_group():
    tasks, _ = planted(0, rows=20)
    assert relate(probe("gradient", tasks), tasks[:2], splits=2).groups.tolist() == [0, 0]


def test_groups_are_numbered_in_the_order_of_the_tree():
    from scipy.cluster.hierarchy import leaves_list

    similarity = torch.eye(3).repeat(2, 2) * 0.9
    similarity.fill_diagonal_(1)
    tree = tree_of(similarity, ordered=True)
    groups = cut(tree, 3)
    assert groups[:3].tolist() == groups[3:].tolist() and sorted(groups[:3].tolist()) == [0, 1, 2]
    assert groups[torch.from_numpy(leaves_list(tree)).long()].diff().min() >= 0
