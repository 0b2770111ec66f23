"""Parts of tasks: rows, and one of several targets."""

import pandas as pd
import torch

import quickstudy as qs
from quickstudy.tasks.parts import batches_by_target, episodes_by_target, part_of, tasks_by_target

NAN = float("nan")


def tasks() -> qs.tasks.TableTasks:
    """Three shops; the first has no label of ``late``, the last none of ``sold``."""
    rows = pd.DataFrame({"shop": [1, 1, 2, 2, 2, 3], "x": range(6)})
    rows["sold"] = [1.0, 2.0, NAN, 4.0, 5.0, NAN]
    rows["late"] = [None, None, "yes", "no", None, "yes"]
    return qs.tasks.Table(
        rows, "shop", ["sold", "late"], {"sold": "regression", "late": "classification"}
    ).whole()


def test_rows_and_the_tasks_that_have_some():
    whole = tasks()
    part = part_of(whole, torch.tensor([False, False, True, False, True, True]))
    assert part.names == ("2", "3") and part.identity.tolist() == [1, 2] and part.sizes == [2, 1]
    assert torch.equal(part.x, whole.x[[2, 4, 5]])


def test_each_target_has_the_rows_with_its_label():
    whole = tasks()
    sold, late = tasks_by_target(whole, whole.target)
    assert (
        sold.target == qs.targets.Numbers((1,))
        and sold.names == ("1", "2")
        and sold.y.tolist() == [[1.0], [2.0], [4.0], [5.0]]
    )
    assert torch.equal(sold.x, whole.x[[0, 1, 3, 4]])
    assert (
        late.target == qs.targets.Classes(2)
        and late.names == ("2", "3")
        and late.y.tolist() == [1, 0, 1]
    )
    assert late.y.dtype == torch.long and late.identity.tolist() == [1, 2] and late.sizes == [2, 1]


def test_an_example_without_a_label_is_masked():
    whole = tasks()
    sold, late = batches_by_target(whole.batch(), whole.target)
    assert (
        sold.mask.tolist() == [[1, 1, 0], [0, 1, 1], [0, 0, 0]]
        and sold.y.shape == (3, 3, 1)
        and sold.y.isfinite().all()
    )
    assert late.mask.tolist() == [[0, 0, 0], [1, 1, 0], [1, 0, 0]] and late.y[
        late.mask > 0
    ].tolist() == [1, 0, 1]
    episode = qs.Episode(whole.batch(), whole.batch(), whole.identity)
    for found, batch in zip(episodes_by_target(episode, whole.target), (sold, late), strict=True):
        assert (
            torch.equal(found.support.y, batch.y)
            and torch.equal(found.query.mask, batch.mask)
            and found.task is episode.task
        )
