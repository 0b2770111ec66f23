"""A part that owns nothing, by which the defaults of a part are seen."""

import torch
from torch import nn

from quickstudy import Batch
from quickstudy.learners.parts import Examples, Part, Shared, Tasks


class Nothing(Part):
    """Own nothing: every task has the shared network."""

    def owned(self, model):
        return {}

    def start(self, shared, tasks):
        return {}


def test_a_part_is_put_into_the_network_over_the_shared_weights():
    model, part = nn.Linear(2, 1, bias=False), Nothing()
    x = torch.tensor([[1.0, 10.0]])
    shared = Shared(model, {"weight": torch.tensor([[1.0, 2.0]])})
    assert part.whole(shared, {}, Examples(x))[0].item() == 21
    own = {"weight": torch.tensor([[3.0, 4.0]])}
    assert part.whole(shared, own, Examples(x))[0].item() == 43
    assert part.above(shared, own, Examples(x))[0].item() == 43
    assert part.below(shared, Examples(x))[0] is x


def test_by_default_every_tensor_moves_and_nothing_is_added():
    part, tasks = Nothing(), Tasks(Batch.of(torch.rand(2, 1), torch.rand(2, 1)))
    assert part.moved_first(("a", "b"), tasks) == ("a", "b")
    assert part.penalty(Shared(nn.Identity()), torch.tensor([0])) is None
    assert part.uncompiled() is None


def test_tasks_of_a_slice_keep_their_identities():
    support = Batch.of(torch.rand(2, 1), torch.rand(2, 1)).each(lambda v: torch.cat([v] * 3))
    some = Tasks(support, 4, torch.tensor([7, 8, 9])).some(slice(1, 3))
    assert some.known is not None
    assert some.known.tolist() == [8, 9]
    assert (some.way, some.support.num_tasks) == (4, 2)
    assert Tasks(support).some(slice(1)).known is None
