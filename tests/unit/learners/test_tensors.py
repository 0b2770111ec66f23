"""Tensors of many tasks are left out, repeated, measured and taken by place."""

import torch

from quickstudy import Batch
from quickstudy.learners.tensors import (
    for_every_task,
    real_first,
    rows_at,
    some_tasks,
    squared_norms,
    without,
)


def test_the_others_stay_in_order():
    weights = {name: torch.tensor(float(place)) for place, name in enumerate("abcd")}
    left = without(weights, ("c", "a", "x"))
    assert list(left) == ["b", "d"]
    assert left["d"] is weights["d"]


def test_every_task_has_the_same_values_without_a_copy():
    weight = torch.arange(6.0).reshape(2, 3)
    repeated = for_every_task({"w": weight, "s": torch.tensor(2.0)}, 4)
    assert torch.equal(repeated["w"], torch.stack([weight] * 4))
    assert repeated["w"].data_ptr() == weight.data_ptr()
    assert repeated["s"].shape == (4,)


def test_norms_are_summed_over_all_entries_of_a_task():
    first = torch.tensor([[3.0, 4.0], [1.0, 0.0]])
    second = torch.tensor([[[2.0]], [[-1.0]]])
    assert torch.equal(squared_norms([first, second]), torch.tensor([29.0, 2.0]))


def test_rows_are_taken_by_the_places_of_their_task():
    x = torch.arange(12.0).reshape(2, 3, 2)
    batch = Batch(x, torch.arange(6.0).reshape(2, 3, 1), torch.tensor([[1.0, 1, 0], [1, 1, 1]]))
    taken = rows_at(batch, torch.tensor([[2, 0], [1, 1]]))
    assert torch.equal(taken.x, torch.stack([x[0, [2, 0]], x[1, [1, 1]]]))
    assert taken.y.flatten().tolist() == [2, 0, 4, 4]
    assert taken.mask.tolist() == [[0, 1], [1, 1]]


def test_padding_is_put_last_and_the_others_stay_in_order():
    mask = torch.tensor([[0.0, 1, 0, 1], [1, 1, 0, 1]])
    assert real_first(mask).tolist() == [[1, 3, 0, 2], [0, 1, 3, 2]]


def test_some_tasks_are_taken_from_every_tensor_of_a_tree():
    own, used = {"w": torch.arange(6.0).reshape(3, 2)}, (torch.arange(3),)
    taken = some_tasks((own, used), slice(1, 3))
    assert taken[0]["w"].tolist() == [[2, 3], [4, 5]]
    assert taken[1][0].tolist() == [1, 2]
