"""The rows of every task, and the halves they are divided into."""

import pandas as pd
import pytest
import torch

import quickstudy as qs
from quickstudy.relatedness.halves import halves, masked, over_sets, rows_of
from tests.unit.relatedness.linear import noisy


def test_halves_share_no_row_and_hold_all():
    mask = (torch.arange(7) < torch.tensor([[7], [4], [1], [0]])).float()
    split = halves(mask, torch.tensor([3, 1, 5, 9]), 5, seed=2)
    assert torch.equal(split.sum(1), mask.expand(5, 4, 7))
    assert split[:, 0].sum(-1).tolist() == [[3, 2, 0, 0]] * 5
    assert len({tuple(row) for row in split[:, 0, 0].tolist()}) > 1


def test_the_halves_of_a_task_depend_only_on_its_identity():
    mask = (torch.arange(7) < torch.tensor([[7], [4], [1], [0]])).float()
    split = halves(mask, torch.tensor([3, 1, 5, 9]), 5, seed=2)
    by_itself = halves(mask[1:2], torch.tensor([1]), 5, seed=2)
    assert torch.equal(by_itself[:, :, 0], split[:, :, 1])
    assert not torch.equal(halves(mask, torch.tensor([3, 1, 5, 9]), 5, seed=3), split)


def test_a_table_gives_all_its_rows():
    frame = {"shop": ["a", "b", "b"], "price": [1.0, 2.0, 4.0], "sold": [3.0, 4.0, 5.0]}
    table = qs.tasks.Table(pd.DataFrame(frame), task="shop", target="sold")
    batch, identity, names = rows_of(table.whole())
    assert batch.mask.sum(1).tolist() == [1, 2]
    assert identity.tolist() == [0, 1] and names == ("a", "b")


def test_an_episode_gives_both_parts_and_a_batch_itself():
    batch = noisy()
    episode = qs.Episode(batch, batch, torch.tensor([4, 7, 1, 2]))
    rows, identity, names = rows_of(episode)
    assert torch.equal(rows.x, torch.cat([batch.x, batch.x], 1))
    assert identity.tolist() == [4, 7, 1, 2] and names == ("4", "7", "1", "2")
    rows, identity, names = rows_of(batch)
    assert rows is batch and identity.tolist() == [0, 1, 2, 3] and names == tuple("0123")


def test_one_task_is_not_related_to_anything():
    with pytest.raises(qs.UserError, match=r"at least 2 tasks\. Found 1"):
        rows_of(noisy()[:1])


def test_only_the_chosen_rows_are_left():
    batch = noisy()
    rows = (torch.arange(9) >= 4).to(batch.mask.dtype).expand(4, 9)
    assert masked(batch, rows).mask.sum(1).tolist() == [5, 1, 0, 0]
    assert batch.mask.sum(1).tolist() == [9, 5, 3, 1]


def test_a_function_of_one_set_of_rows_is_applied_to_each():
    rows = torch.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
    doubled = over_sets(lambda own: 2 * own[:, :2], rows)
    assert torch.equal(doubled, 2 * rows[..., :2])
    assert over_sets(lambda own: own, rows[0, 0]).shape == (4, 5)
