"""How tasks are mapped: the choice, and that a map is a loop."""

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy.learners.mapping import LARGE_SET, TaskMapping, choose_mapping, is_large, over_tasks

LINEAR, CONVOLUTION = nn.Linear(4, 2), nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten())


class InPlace(nn.Module):
    """A layer that stores a number of its input, which vmap cannot do."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weight * x.sum().item()


@pytest.mark.parametrize(
    ("num_tasks", "chunk", "most", "sizes"),
    [
        (5, None, None, [5]),
        (5, 1, None, [1] * 5),
        (10, 4, None, [4, 4, 2]),
        (9, 4, None, [3, 3, 3]),
        (6, None, 2, [2, 2, 2]),
        (0, None, None, []),
    ],
)
def test_chunks_are_of_about_one_size(num_tasks, chunk, most, sizes):
    slices = list(TaskMapping(chunk, "").slices(num_tasks, most))
    tasks = [list(range(num_tasks))[each] for each in slices]
    assert [len(each) for each in tasks] == sizes
    assert [task for each in tasks for task in each] == list(range(num_tasks))


@pytest.mark.parametrize("num_tasks", [1, 3])
def test_a_function_over_tasks_is_a_loop_over_them(num_tasks):
    x, y = torch.randn(2, num_tasks, 4, generator=qs.generator(0, "mapping"))

    def function(values: dict[str, torch.Tensor], nothing: None) -> torch.Tensor:
        assert nothing is None
        return values["x"] @ values["y"]

    found = over_tasks(function)({"x": x, "y": y}, None)
    torch.testing.assert_close(found, (x * y).sum(1))


@pytest.mark.parametrize(
    ("mode", "chunk", "name"),
    [("vmap", None, "vmap"), ("loop", 1, "loop"), (3, 3, "vmap in chunks of 3")],
)
def test_a_mode_that_is_asked_for_is_taken(mode, chunk, name):
    found = choose_mapping(LINEAR, torch.zeros(2, 3, 4), mode)
    assert (found.chunk, found.name) == (chunk, name)


@pytest.mark.parametrize("mode", ["all", 0])
def test_another_mode_is_refused(mode):
    with pytest.raises(qs.UserError, match="`mapping` should be"):
        choose_mapping(LINEAR, torch.zeros(2, 3, 4), mode)


def test_the_choice_depends_on_model_and_size():
    small, large = torch.zeros(2, 3, 1, 8, 8), torch.zeros(2, 10, 1, 40, 40)
    assert LARGE_SET == 8000 and is_large(large) and not is_large(small)
    assert choose_mapping(LINEAR, torch.zeros(2, 4000, 4), "auto").chunk is None
    assert choose_mapping(CONVOLUTION, small, "auto").chunk is None
    assert choose_mapping(CONVOLUTION, large, "auto").chunk == 1
    found = choose_mapping(InPlace(), torch.zeros(2, 3, 4), "auto")
    assert found.chunk == 1 and found.reason.startswith("vmap cannot do a layer of this model")


def test_trying_vmap_leaves_the_global_generator_as_it_is():
    model = nn.Sequential(nn.Linear(4, 2), nn.Dropout(0.5))
    before = torch.get_rng_state()
    choose_mapping(model, torch.zeros(2, 3, 4), "auto")
    assert torch.equal(torch.get_rng_state(), before)
