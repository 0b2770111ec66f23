"""Planted groups are found, and there is one if the rows cannot tell groups apart."""

import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from quickstudy.relatedness import MEASURES, relate, shrink
from quickstudy.relatedness.groups import cut, num_groups, tree_of
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
    """Four noisy rows a task: groups are there, but the rows cannot tell.

    Companions of a task are then drawn nearly uniformly.
    """
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


def test_the_tree_merges_the_nearest_first():
    """Average linkage by hand: 0 and 1 at 0.1; then 2 at the mean of 0.4 and 0.6."""
    similarity = torch.tensor([[1.0, 0.9, 0.6], [0.9, 1.0, 0.4], [0.6, 0.4, 1.0]])
    found = tree_of(similarity)
    assert found[:, :2].tolist() == [[0, 1], [2, 3]] and found[:, 3].tolist() == [2, 3]
    assert found[:, 2] == pytest.approx([0.1, 0.5])
    assert len(set(cut(found, 2)[:2].tolist())) == 1 and len(set(cut(found, 2).tolist())) == 2


def test_halves_that_agree_show_all_groups():
    """Two blocks without noise: two groups explain everything, and more explain no more."""
    blocks = 0.2 + 0.6 * (torch.arange(8) % 2 == (torch.arange(8) % 2).unsqueeze(1)).double()
    seen = blocks.fill_diagonal_(1.0).expand(3, 2, 2, 8, 8)
    assert num_groups(seen, shrink(seen)) == 2
    assert num_groups(seen, shrink(seen), most=1) == 1


def test_similarities_without_variance_are_one_group():
    seen = torch.full((3, 2, 2, 8, 8), 0.5, dtype=torch.float64)
    same = seen + 0.5 * torch.eye(8)
    assert num_groups(same, shrink(same)) == 1
