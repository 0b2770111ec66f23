"""Sums over rows: of chosen, weighted and scaled rows."""

import torch

from quickstudy.learners.priors.moments import Moments, TargetMoments
from tests.unit.learners.priors.planted import DOUBLE, planted


def close(found: Moments, expected: Moments) -> None:
    for name in ("gram", "cross", "square", "count"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name))


def test_they_are_sums_over_the_rows_of_each_task():
    x, y, sizes = planted("sums")
    moments = Moments.of(x, y, sizes)
    first = x[: sizes[0]]
    torch.testing.assert_close(moments.gram[0], first.T @ first)
    torch.testing.assert_close(moments.gram.sum(0), x.T @ x)
    torch.testing.assert_close(moments.cross.sum(0), x.T @ y)
    torch.testing.assert_close(moments.square.sum(), y @ y)
    assert moments.count.tolist() == sizes


def test_scaled_and_weighted_rows_have_the_sums_that_these_rows_have():
    x, y, sizes = planted("scales")
    moments = Moments.of(x, y, sizes)
    features, target = torch.tensor([2.0, 0.5, 1.0], dtype=DOUBLE), torch.tensor(3.0, dtype=DOUBLE)
    close(moments.scaled(features, target), Moments.of(x / features, y / target, sizes))
    weight = 1 + torch.arange(len(sizes), dtype=DOUBLE)
    root = weight.sqrt().repeat_interleave(torch.tensor(sizes))
    close(moments.weighted(weight), Moments.of(x * root.unsqueeze(1), y * root, sizes))


def test_chosen_tasks_are_those_of_their_rows():
    x, y, sizes = planted("chosen")
    chosen = torch.arange(len(sizes)) < 2
    rows = sum(sizes[:2])
    close(Moments.of(x, y, sizes).of_tasks(chosen), Moments.of(x[:rows], y[:rows], sizes[:2]))


def test_deviations_are_those_of_the_rows_and_1_if_nothing_varies():
    x, y, sizes = planted("deviations")
    x[:, 1] = 7
    features, target = Moments.of(x, y, sizes).deviations()
    expected = torch.stack([x[:, 0].std(correction=0), x.new_ones(()), x.new_ones(())])
    torch.testing.assert_close(features, expected)
    torch.testing.assert_close(target, y.std(correction=0))


def test_a_feature_of_the_task_does_not_vary_within_tasks():
    x, y, sizes = planted("within")
    task = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    x[:, 1] = task.to(DOUBLE) + 1
    assert Moments.of(x, y, sizes).vary_within().tolist() == [True, False, True]


def test_the_residual_is_what_weights_leave():
    x, y, sizes = planted("residual")
    weights = torch.tensor([1.0, 0.0, -1.0], dtype=DOUBLE)
    squares = ((y - x @ weights) ** 2).split(sizes)
    expected = torch.stack([own.sum() for own in squares])
    torch.testing.assert_close(Moments.of(x, y, sizes).residual(weights), expected)


def test_sums_over_several_targets_are_those_of_each():
    x, y, sizes = planted("targets")
    moments = [Moments.of(x, target, sizes) for target in (y, 2 * y + 1)]
    cross = torch.stack([own.cross for own in moments], 2)
    square = torch.stack([own.square for own in moments], 1)
    sums = TargetMoments(moments[0].gram, cross, square, moments[0].count)
    close(sums.of_target(1), moments[1])
    mean = torch.tensor([[1.0, 0.0, 2.0], [0.0, -1.0, 0.5]], dtype=DOUBLE)
    first = x[: sizes[0]]
    expected = first.T @ (2 * y[: sizes[0]] + 1 - first @ mean[1])
    torch.testing.assert_close(sums.pull(mean)[0, 1, :, 0], expected)


def test_sums_of_several_targets_are_those_of_each():
    features = torch.tensor([[[1.0, 1.0], [2.0, 1.0], [0.0, 0.0]]])
    y = torch.tensor([[[1.0, 0.5], [3.0, 2.0], [0.0, 0.0]]])
    sums = TargetMoments.of(features, y, torch.tensor([2.0]))
    for place in range(2):
        close(sums.of_target(place), Moments.of(features[0, :2], y[0, :2, place], [2]))


def test_the_places_of_varying_features_are_given():
    features = torch.tensor([[1.0, 5.0, 1.0], [2.0, 5.0, 1.0]])
    assert Moments.of(features, torch.ones(2), [2]).varying().tolist() == [0, 2]
