import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import quickstudy as qs
from quickstudy.tasks import Arrays
from quickstudy.tasks.arrays import SPLITS
from tests.unit.tasks.pools import draw

few = settings(deadline=None, derandomize=True, max_examples=25)


@few
@given(num_classes=st.integers(5, 30), seed=st.integers(0, 99))
def test_every_class_is_in_exactly_one_split(num_classes, seed):
    y = torch.arange(num_classes).repeat(3)
    arrays = Arrays(y.unsqueeze(1), y, seed=seed)
    names = [set(arrays.split(name).names) for name in SPLITS]
    assert set.union(*names) == {str(c) for c in range(num_classes)}
    assert sum(len(part) for part in names) == num_classes
    values = [
        set(
            arrays.split(name)
            .episodes(1, 1, 1)
            .sample(200, qs.Moment(0, "x"))
            .query.x.flatten()
            .tolist()
        )
        for name in SPLITS
    ]
    assert not values[0] & values[1] and not values[0] & values[2] and not values[1] & values[2]
    assert torch.equal(
        arrays.split("train").start, Arrays(y.unsqueeze(1), y, seed=seed).split("train").start
    )


@few
@given(labels=st.lists(st.integers(0, 4), min_size=10, max_size=30))
def test_examples_keep_their_labels_in_any_order(labels):
    pool = Arrays(np.array([[float(i)] for i in range(len(labels))]), labels).pool
    assert pool.names == tuple(str(label) for label in sorted(set(labels)))
    for c, name in enumerate(pool.names):
        rows = pool.x[pool.start[c] : pool.start[c] + pool.size[c], 0].long().tolist()
        assert [labels[row] for row in rows] == [int(name)] * labels.count(int(name))


def test_fractions_divide_the_classes():
    arrays = Arrays(torch.zeros(20, 1), torch.arange(20), fractions=(0.5, 0.2, 0.3))
    assert [arrays.split(name).num_classes for name in SPLITS] == [10, 4, 6]
    assert arrays.split("validation").label == "arrays/validation"
    other = Arrays(torch.zeros(20, 1), torch.arange(20), fractions=(0.5, 0.2, 0.3), seed=1)
    assert other.split("train").names != arrays.split("train").names


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([10, 9, -1, 9], ("-1", "9", "10")),
        (["b", "a", "10", "9"], ("9", "10", "a", "b")),
        (np.array(["x", "y", "x", "z"]), ("x", "y", "z")),
        (torch.tensor([3, 1, 2, 1]), ("1", "2", "3")),
        ([True, False, True, True], ("False", "True")),
        (["²", "--1", "1", "-"], ("1", "-", "--1", "²")),
    ],
)
def test_labels_of_any_kind_numbers_in_their_order(labels, names):
    assert Arrays(torch.zeros(4, 2), labels).pool.names == names


def test_values_become_the_default_dtype_and_integers_stay_integers():
    assert Arrays(np.zeros((4, 2)), [0, 0, 1, 1]).pool.x.dtype == torch.float32
    for dtype in (np.int64, np.int32):  # token ids
        kept = Arrays(np.zeros((4, 2), dtype=dtype), [0, 0, 1, 1]).pool.x
        assert kept.dtype == torch.from_numpy(np.zeros(1, dtype)).dtype
    assert Arrays(np.zeros((4, 2), dtype=bool), [0, 0, 1, 1]).pool.x.dtype == torch.float32
    pool = Arrays(np.full((4, 8, 8), 255, dtype=np.uint8), [0, 0, 1, 1]).pool
    assert pool.x.dtype == torch.uint8
    x = draw(pool.episodes(2, 1, 1), 1).support.x
    assert x.shape == (1, 2, 1, 8, 8) and (x == 1).all()


def test_tasks_of_a_split_have_its_way_and_shot():
    episodes = draw(
        Arrays(torch.randn(60, 3), torch.arange(60) % 10).split("train").episodes(5, 2, query=4), 3
    )
    assert episodes.support.x.shape == (3, 10, 3) and episodes.query.y.shape == (3, 20)
    assert draw(
        Arrays(torch.randn(60, 3), torch.arange(60) % 10).episodes(10, 1, 5), 2
    ).support.x.shape == (2, 10, 3)


def test_the_inputs_are_not_mutated():
    x, y = np.random.default_rng(0).normal(size=(12, 2)), np.array([1, 0] * 6)
    before = x.copy(), y.copy()
    episodes = draw(Arrays(x, y).pool.episodes((1, 2), (1, 2), 2), 3)
    episodes.support.x.zero_()
    assert (x == before[0]).all() and (y == before[1]).all()


def windows(dtype=torch.float32, splits=None):
    """Tasks 0 to 9 of 2 to 11 sensor windows [time, channel], the target is 10 times the task."""
    task = torch.arange(10).repeat_interleave(torch.arange(2, 12))
    x = task[:, None, None].expand(-1, 4, 3).to(dtype)
    return Arrays(x, 10.0 * task, task=task, splits=splits)


def test_floating_targets_of_tasks_are_regression():
    data = windows()
    parts = [data.split(name) for name in SPLITS]
    assert [len(part.names) for part in parts] == [6, 2, 2]
    episodes = draw(data.split("train").episodes(shot=4, query=3), 6)
    assert episodes.support.x.shape == (6, 4, 4, 3) and episodes.support.y.shape == (6, 4, 1)
    for batch in (episodes.support, episodes.query):
        real = batch.mask > 0
        # every example is of its own task, and padding is zeros
        assert torch.equal(batch.y[..., 0][real], 10 * batch.x[..., 0, 0][real])
        assert (batch.x[~real] == 0).all() and (batch.y[~real] == 0).all()
    seen = {name for part in parts for name in part.names}
    assert seen == {str(task) for task in range(10)}


def test_small_tasks_keep_a_query_and_are_padded():
    episodes = draw(windows().episodes(shot=5, query=5), 10)
    counts = {int(name): index for index, name in enumerate(windows().pool.names)}
    for task, support, query in zip(
        episodes.task.tolist(),
        episodes.support.mask.sum(1),
        episodes.query.mask.sum(1),
        strict=True,
    ):
        size = list(counts)[task] + 2
        assert int(support) == min(5, size - 1) and int(query) == min(5, size - int(support))


def test_token_ids_stay_integers_in_tasks_too():
    episodes = draw(windows(torch.int64).episodes(shot=2, query=2), 3)
    assert episodes.support.x.dtype == torch.int64 and episodes.support.mask.is_floating_point()


def test_integer_labels_of_tasks_are_classification():
    task, x = np.arange(40) // 8, np.random.default_rng(0).normal(size=(40, 2))
    episodes = draw(Arrays(x, np.arange(40) % 3, task=task).episodes(shot=4, query=4), 4)
    assert episodes.support.y.dtype == torch.long and episodes.support.y.shape == (4, 4)
    assert int(episodes.query.y.max()) <= 2
    images = np.full((40, 6, 6), 255, np.uint8)
    drawn = draw(Arrays(images, np.arange(40) % 3, task=task).episodes(shot=2, query=2), 2)
    assert drawn.support.x.shape == (2, 2, 1, 6, 6) and (drawn.support.x == 1).all()


def test_splits_of_ones_own():
    task = torch.arange(10).repeat_interleave(torch.arange(2, 12))
    parts = np.array(["train", "validation", "test"])[task.numpy() % 3]
    data = windows(splits=parts)
    assert data.split("test").names == ("2", "5", "8")
    classes = Arrays(torch.zeros(6, 1), [0, 1, 2] * 2, splits=["train", "test", "test"] * 2)
    assert classes.split("test").names == ("1", "2") and classes.split_names == ("train", "test")


def test_a_learner_learns_the_family():
    source = windows().split("train").episodes(shot=3, query=3)
    learner = qs.MAML(qs.models.MLP(12, 1), inner_lr=0.001)
    assert qs.fit(learner, source, 2, progress=False).step == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Arrays(torch.zeros(3, 1), [0.5, 1, 2]), "needs `task`"),
        (lambda: Arrays(torch.zeros(3, 1), [0, None, 2]), "Found 1 without: drop them"),
        (lambda: Arrays(torch.zeros(3, 1), torch.zeros(3), task=[1, 1, 1]), "at least 2 tasks"),
        (
            lambda: Arrays(torch.zeros(3, 1), torch.tensor([0.0, torch.nan, 1]), task=[1, 1, 2]),
            "`y` should be finite",
        ),
        (lambda: Arrays(torch.zeros(2, 1), [0, 1], task=[1]), "`x` and `task`"),
        (lambda: windows().episodes(2, 3), "`way` is for classes"),
        (lambda: Arrays(torch.zeros(2, 1), [0, 1]).episodes(shot=1), "`way` should be the classes"),
        (lambda: Arrays([["a"]], [0]), "should be an array of numbers"),
        (
            lambda: Arrays(torch.zeros(2, 1), [0, 0], splits=["train", "test"]),
            "class '0' in 'train' and 'test'",
        ),
        (lambda: Arrays(torch.zeros(2, 1), [0, 1], splits=["train", "dev"]), "Found ['dev']"),
    ],
)
def test_arrays_that_are_wrong(make, message):
    with pytest.raises(qs.UserError) as error:
        make()
    assert message in str(error.value)


def test_a_missing_label_or_task_is_no_class():
    x = np.ones((6, 2))
    for y in ([1, 2, None] * 2, [1, 2, np.nan] * 2, pd.array([1, 2, None] * 2, dtype="Int64")):
        with pytest.raises(qs.UserError, match="Found 2 without: drop them"):
            qs.tasks.Arrays(x, y)
        with pytest.raises(qs.UserError, match=r"task of every example. Found 2 without"):
            qs.tasks.Arrays(x, np.ones(6), task=y)
