import numpy as np
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
