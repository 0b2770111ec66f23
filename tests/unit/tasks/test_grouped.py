"""Groups of tasks: each member keeps its examples and is asked for only by its target."""

import pytest
import torch

import quickstudy as qs


def test_members_stand_in_order_and_label_only_their_target():
    source = qs.tasks.Sinusoid().episodes(shot=3, query=2)
    moment = qs.Moment(0, "train")
    groups = qs.tasks.Grouped(source, size=2).sample(4, moment).support
    members = source.sample(8, moment).support
    assert torch.equal(groups.x, members.x.reshape(4, 6, 1))
    first, second = groups.y[:, :3], groups.y[:, 3:]
    assert torch.equal(first[..., :1], members.y[0::2]) and first[..., 1].isnan().all()
    assert torch.equal(second[..., 1:], members.y[1::2]) and second[..., 0].isnan().all()


@pytest.mark.parametrize(
    ("size", "says"), [(0, "Found size=0"), (-1, "Found size=-1")], ids=["none", "negative"]
)
def test_a_group_has_members(size, says):
    with pytest.raises(qs.UserError, match=says):
        qs.tasks.Grouped(qs.tasks.Line().episodes(), size=size)
