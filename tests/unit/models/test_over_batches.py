"""A function of features mapped over tasks, against one task after another."""

import pytest
import torch
from torch import Tensor

import quickstudy as qs
from quickstudy.models.over_batches import over_batches

NUM_TASKS = 3
AXES = [(0, 0), (2, 0), (0, None), (None, 1), (4, None)]


class Weighted:
    """Multiplies features by weights and adds a number; counts its calls."""

    calls = 0

    @classmethod
    def apply(cls, x: Tensor, weight: Tensor, number: float) -> tuple[Tensor, Tensor, Tensor]:
        cls.calls += 1
        scaled = x * weight.reshape(-1, 1, 1) + number
        return scaled, scaled.sum((0, 2, 3)), weight * number


def draw(axis: int | None, *shape: int) -> Tensor:
    """The input of one task, or of all tasks with a task axis."""
    value = torch.randn(*shape, generator=qs.generator(len(shape), "over_batches")).double()
    if axis is None:
        return value
    return torch.stack([value * (task + 1) for task in range(NUM_TASKS)], axis)


def at(value: Tensor, axis: int | None, task: int) -> Tensor:
    return value if axis is None else value.select(axis, task)


@pytest.mark.parametrize("axes", AXES)
def test_it_is_one_task_after_another(axes):
    of_x, of_weight = axes
    x, weight = draw(of_x, 4, 5, 2, 3), draw(of_weight, 5)
    found, out_dims = over_batches(Weighted, 1, NUM_TASKS, (*axes, None), (x, weight, 0.5))
    for task in range(NUM_TASKS):
        expected = Weighted.apply(at(x, of_x, task), at(weight, of_weight, task), 0.5)
        for value, axis, one in zip(found, out_dims, expected, strict=True):
            torch.testing.assert_close(value.select(axis, task), one)


@pytest.mark.parametrize(("axis", "calls"), [(0, NUM_TASKS), (2, 1), (None, 1)])
def test_tasks_that_lie_apart_in_memory_have_a_call_each(axis, calls, monkeypatch):
    monkeypatch.setattr(Weighted, "calls", 0)
    x, weight = draw(axis, 4, 5, 2, 3), draw(0, 5)
    over_batches(Weighted, 1, NUM_TASKS, (axis, 0, None), (x, weight, 0.5))
    assert Weighted.calls == calls


def test_two_batches_of_which_one_is_shared():
    class Sum:
        @staticmethod
        def apply(g: Tensor, x: Tensor, weight: Tensor, number: float):
            return g + number * x, x.sum(0), weight

    g, x, weight = draw(None, 4, 5), draw(1, 4, 5), draw(None, 5)
    (y, total, same), axes = over_batches(
        Sum, 2, NUM_TASKS, (None, 1, None, None), (g, x, weight, 2)
    )
    assert axes == (1, 0, 0)
    torch.testing.assert_close(y, g.unsqueeze(1) + 2 * x)
    torch.testing.assert_close(total, x.sum(0))
    torch.testing.assert_close(same, weight.expand(NUM_TASKS, -1))
