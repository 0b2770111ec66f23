"""Adapted states: the tensors of tasks, and batch-norm statistics beside them."""

import torch

from quickstudy.learners.adapted import joined, parted, with_statistics


def test_a_state_is_put_together_and_taken_apart():
    own = {"b": torch.ones(2, 3), "a": torch.zeros(2)}
    used = (torch.rand(2, 4), torch.rand(2, 4))
    state = with_statistics(own, used)
    assert list(state) == ["b", "a", "statistics.0", "statistics.1"]
    found, statistics = parted(state)
    assert found == own
    assert statistics == used


def test_groups_of_tasks_are_joined_in_their_order():
    groups = [{"w": torch.full((count, 2), float(count))} for count in (1, 2)]
    assert joined(groups)["w"][:, 0].tolist() == [1, 2, 2]
