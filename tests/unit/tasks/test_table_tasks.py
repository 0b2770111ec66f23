"""Encoded rows of tasks: known rows in batches, draws, subsets and splits."""

import numpy as np
import pandas as pd
import torch

import quickstudy as qs
from quickstudy.targets import Numbers
from quickstudy.tasks import TableTasks
from quickstudy.tasks.encoder import Encoder


def tasks() -> TableTasks:
    """Tasks of 1, 2 and 3 rows; ``x`` is the row's number."""
    x = torch.arange(6.0).unsqueeze(1)
    owner = torch.tensor([0, 1, 1, 2, 2, 2])
    identity = torch.tensor([10, 11, 12])
    return TableTasks(x, -x, owner, ("a", "b", "c"), identity, Numbers(), Encoder(()), "rows")


def test_a_batch_holds_every_row_once_and_pads_with_zeros():
    batch = tasks().batch()
    assert batch.x.squeeze(-1).tolist() == [[0, 0, 0], [1, 2, 0], [3, 4, 5]]
    assert batch.mask.tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert torch.equal(batch.y, -batch.x)


def test_a_draw_shares_no_row_and_keeps_one_as_query():
    drawn = tasks().draw(2, None, qs.generator(0, "draw"))
    assert drawn.support.mask.sum(1).tolist() == [0, 1, 2]
    assert drawn.query.mask.sum(1).tolist() == [1, 1, 1] and drawn.task.tolist() == [10, 11, 12]
    totals = (drawn.support.x.sum((1, 2)) + drawn.query.x.sum((1, 2))).tolist()
    assert totals == [0, 3, 12]


def test_subsets_and_splits_keep_identities():
    last = tasks().subset([1, 2])
    assert last.task.tolist() == [0, 0, 1, 1, 1] and last.places(torch.tensor([12, 11])) == [1, 0]
    first, second = tasks().split_rows(0.5)
    assert first.sizes == [1, 1, 2] and second.sizes == [0, 1, 1]
    assert sorted(torch.cat([first.x, second.x]).flatten().tolist()) == [0, 1, 2, 3, 4, 5]


def test_batches_hold_every_row_once_with_little_padding():
    """One task of 2,000 rows among 300 small ones is a batch by itself."""
    sizes = np.array([3, 5] * 150 + [2000])
    rows = pd.DataFrame({"task": np.repeat(np.arange(301), sizes), "x": np.arange(3200.0)})
    tasks = qs.tasks.Table(rows.assign(y=rows["x"]), "task", "y").whole()
    found = list(tasks.batches(most_rows=600))
    assert sorted(place for places, _ in found for place in places) == list(range(301))
    assert max(batch.mask.numel() for _, batch in found) == 2000
    assert sum(batch.mask.numel() for _, batch in found) < 1.3 * len(rows)
    every = torch.cat([batch.y[batch.mask > 0][:, 0] for _, batch in found])
    assert every.sort().values.tolist() == rows["x"].tolist()
    assert len(list(tasks.batches())) == 1 + 1
    assert tasks.groups([5, 3]) == [[5, 3]] and tasks.groups([300, 5, 3], 10) == [[3, 5], [300]]
