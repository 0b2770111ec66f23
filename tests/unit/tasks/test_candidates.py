"""Candidates are sorted by group, and drawn without replacement."""

import torch

from quickstudy.tasks.candidates import Candidates

GROUPS = torch.tensor([1, 0, 1, 1, 0, 2])


def test_candidates_are_sorted_by_group():
    found = Candidates.of(GROUPS, 1)
    assert found.members.tolist() == [1, 4, 0, 2, 3, 5]
    assert found.first.tolist() == [0, 2, 5] and found.count.tolist() == [2, 3, 1]
    assert found.group.tolist() == [0, 1, 2]


def test_a_step_takes_one_class_of_its_rotations():
    found = Candidates.of(GROUPS, 2)
    # of the classes 0, 2 and 4, the last is in the first group
    assert found.members.tolist() == [4, 0, 2] and found.count.tolist() == [1, 2]


def test_small_groups_are_left_out():
    found = Candidates.of(GROUPS, 1).of_at_least(2)
    assert found.group.tolist() == [0, 1] and found.first.tolist() == [0, 2]


def test_classes_come_from_their_group_without_repetition():
    found = Candidates.of(GROUPS, 1)
    drawn = found.draw(torch.tensor([1, 0, 1]), 2, torch.Generator().manual_seed(0))
    assert GROUPS[drawn].tolist() == [[1, 1], [0, 0], [1, 1]]
    assert all(len(set(row)) == 2 for row in drawn.tolist())
