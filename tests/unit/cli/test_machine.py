"""The device and the threads to compute with."""

import pytest
import torch

from quickstudy.cli.machine import device, use_threads
from quickstudy.errors import UserError


def test_a_device_of_this_machine():
    assert device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["frob", "meta", "cuda:77"])
def test_another_device_is_refused(name):
    with pytest.raises(UserError, match=f"Found '{name}'"):
        device(name)


def test_threads():
    before = torch.get_num_threads()
    try:
        use_threads(2)
        use_threads(None)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("count", "limit"), [(0, "least 1"), (10**5, "most ")])
def test_a_number_of_threads_out_of_range_is_refused(count, limit):
    before = torch.get_num_threads()
    with pytest.raises(UserError, match=f"should be at {limit}.* Found {count}"):
        use_threads(count)
    assert torch.get_num_threads() == before
