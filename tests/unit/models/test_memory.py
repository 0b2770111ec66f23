"""The memory that writes where it was least used, by hand."""

import math

import pytest
import torch

import quickstudy as qs
from quickstudy.models.memory import LeastUsedMemory, MemoryState


def state(content, usage, read) -> MemoryState:
    return MemoryState(
        *(torch.tensor(value, dtype=torch.float64) for value in (content, usage, read))
    )


def test_a_step_of_three_slots_by_hand():
    memory = LeastUsedMemory(slots=3, width=2, heads=1, decay=0.5, sharpness=2.0).double()
    torch.nn.init.constant_(memory.gate, math.log(3))  # σ = 3/4
    before = state([[1.0, 0.0], [0.0, 2.0], [5.0, 5.0]], [1.0, 0.4, 0.2], [[0.6, 0.4, 0.0]])
    read, after = memory(torch.tensor([[0.0, 4.0]], dtype=torch.float64), before)
    # ¾ of the last reading, ¼ on the third slot, the least used
    write = torch.tensor([0.45, 0.3, 0.25], dtype=torch.float64)
    # and the third was wiped first
    content = torch.tensor([[1.0, 1.8], [0.0, 3.2], [0.0, 1.0]], dtype=torch.float64)
    cosines = torch.tensor([1.8 / math.hypot(1, 1.8), 1.0, 1.0], dtype=torch.float64)
    weights = (2 * cosines).softmax(0)
    close = {"rtol": 1e-6, "atol": 1e-8}
    torch.testing.assert_close(after.content, content, **close)
    torch.testing.assert_close(after.read, weights.unsqueeze(0), **close)
    torch.testing.assert_close(read, weights.unsqueeze(0) @ content, **close)
    torch.testing.assert_close(after.usage, 0.5 * before.usage + weights + write, **close)


def test_heads_write_to_slots_of_their_own_and_reading_weights_sum_to_one():
    memory = LeastUsedMemory(slots=5, width=3, heads=2).double()
    torch.nn.init.constant_(memory.gate, -40.0)  # only to the least used slots
    keys = torch.randn(4, 2, 3, generator=qs.generator(0, "keys"), dtype=torch.float64)
    empty = memory.empty(4)
    _, after = memory(keys, empty)
    torch.testing.assert_close(after.content[:, :2], keys)
    assert (after.content[:, 2:].abs() < 1e-12).all()
    torch.testing.assert_close(after.read.sum(-1), torch.ones(4, 2, dtype=torch.float64))
    _, later = memory(keys.flip(0), after)
    # what was just written is not overwritten
    used = (later.content[:, :2] - keys).abs().amax((1, 2)) < 1e-12
    assert used.all()


def test_gradients_through_an_empty_memory_are_finite():
    memory = LeastUsedMemory(slots=6, width=3, heads=2)
    keys = torch.zeros(1, 2, 3, requires_grad=True)
    read, after = memory(keys, memory.empty(1))
    memory(keys, after)[0].add(read).sum().backward()
    assert keys.grad.isfinite().all() and memory.gate.grad.isfinite().all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"slots": 0}, "`slots` should be at least 1. Found slots=0"),
        (
            {"slots": 2, "heads": 3},
            "`heads` should be at most the number of slots, 2. Found heads=3",
        ),
        ({"decay": 1.5}, "`decay` should be from 0 to 1. Found decay=1.5"),
        ({"sharpness": 0.0}, "`sharpness` should be positive. Found sharpness=0.0"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(qs.UserError, match=message):
        LeastUsedMemory(**arguments)
