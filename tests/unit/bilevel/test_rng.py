"""The state of torch's generator is read, put back and kept."""

import pytest
import torch

from quickstudy.bilevel.rng import device_of, restore_rng, rng_kept, rng_state

CPU = torch.device("cpu")


def test_a_state_put_back_draws_the_same():
    before = rng_state(CPU)
    first = torch.rand(5)
    assert not torch.equal(first, torch.rand(5))
    restore_rng(CPU, before)
    assert torch.equal(first, torch.rand(5))


def test_draws_inside_leave_the_outside_as_it_was():
    def draws_and_fails() -> None:
        with rng_kept(CPU):
            torch.rand(5)
            raise KeyError

    before = rng_state(CPU)
    with pytest.raises(KeyError):
        draws_and_fails()
    assert torch.equal(rng_state(CPU), before)


def test_the_device_is_that_of_the_first_tensor():
    assert device_of({"a": torch.ones(1, device="meta"), "b": torch.ones(1)}).type == "meta"
