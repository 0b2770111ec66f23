"""Partial sharing: its structures in the limits in which they are others, or written out."""

import pytest
import torch
from torch import Tensor, nn

import quickstudy as qs
from quickstudy import Batch, Episode, Learner

GENERATOR = qs.generator(0, "test")
TASKS = [2, 0, 1]


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=GENERATOR, dtype=torch.float64)


def vectors() -> nn.Module:
    return qs.models.MLP(4, None, hidden=(6, 5))


def images() -> nn.Module:
    return qs.models.Conv4(None, channels=2, image_size=16)


SHAPES = {vectors: (4,), images: (1, 16, 16)}
trunks = pytest.mark.parametrize("trunk", SHAPES, ids=lambda trunk: trunk.__name__)


def episode(shape: tuple[int, ...], rows: int = 4) -> Episode:
    parts = [Batch(draw(3, rows, *shape), draw(3, rows, 2), torch.ones(3, rows)) for _ in range(2)]
    return Episode(*parts, torch.tensor(TASKS))


def alike(learner: Learner, other: Learner, episodes: Episode) -> None:
    """Losses, and the gradients of parameters of one name."""
    losses = [one.losses(episodes) for one in (learner, other)]
    torch.testing.assert_close(losses[0], losses[1])
    for one, loss in zip((learner, other), losses, strict=True):
        one.zero_grad()
        loss.sum().backward()
    found, expected = (
        {name: p.grad for name, p in one.model.named_parameters()} for one in (learner, other)
    )
    common = found.keys() & expected.keys()
    assert common
    for name in common:
        torch.testing.assert_close(found[name], expected[name])


def test_a_head_of_its_own_is_hard_sharing():
    learners = [
        kind(qs.models.MLP(4, 2, hidden=(6,)), 3, penalty=0.4, proximal=0.3, **more).double()
        for kind, more in ((qs.PartialSharing, {"own": ("head",)}), (qs.HardSharing, {}))
    ]
    offsets = [draw(*offset.shape) for offset in learners[0].part.offsets]
    for one in learners:
        for offset, value in zip(one.part.offsets, offsets, strict=True):
            offset.data += value
    tasks = episode((4,))
    alike(*learners, tasks)
    for a, b in zip(*(one.part.offsets for one in learners), strict=True):
        torch.testing.assert_close(a.grad, b.grad)
    found, expected = (one.adapt(tasks.support, steps=5) for one in learners)
    torch.testing.assert_close(found, expected)
    known, expected = (
        one.predict(one.known(tasks.support, tasks.task), tasks.query.x) for one in learners
    )
    torch.testing.assert_close(known, expected)


@trunks
def test_one_expert_is_hard_sharing(trunk):
    mixed = qs.PartialSharing(
        qs.models.MixtureOfExperts(trunk(), 2, num_experts=1, seed=3), 3
    ).double()
    hard = qs.HardSharing(nn.Sequential(trunk(), nn.Linear(trunk().embedding_size, 2)), 3).double()
    hard.model[1].load_state_dict(mixed.model.head.state_dict())
    heads = [draw(*offset.shape) for offset in hard.part.offsets]
    for offset, head in zip([*hard.part.offsets, *mixed.part.offsets[2:]], heads * 2, strict=True):
        offset.data += head
    tasks = episode(SHAPES[trunk])
    losses = mixed.losses(tasks)
    torch.testing.assert_close(losses, hard.losses(tasks))
    losses.sum().backward()
    hard.losses(tasks).sum().backward()
    for a, b in zip(mixed.part.offsets[2:], hard.part.offsets, strict=True):
        torch.testing.assert_close(a.grad, b.grad)
    for a, b in zip(mixed.model.trunk.parameters(), hard.model[0].parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)
    assert all(
        (offset.grad == 0).all() for offset in mixed.part.offsets[:2]
    )  # a gate with one choice


@trunks
def test_columns_that_are_not_stitched_are_separate_networks(trunk):
    """With a column for each task, a task reads its column exactly, and moves no other."""
    made = qs.PartialSharing(qs.models.CrossStitch(trunk(), 2, num_columns=3, keep=1.0), 3).double()
    tasks = episode(SHAPES[trunk])
    losses = made.losses(tasks)
    for place, task in enumerate(TASKS):
        alone = nn.Sequential(made.model.columns[task], made.model.head)
        expected = nn.functional.mse_loss(alone(tasks.query.x[place]), tasks.query.y[place])
        if trunk is vectors:  # the norms of images take other statistics
            torch.testing.assert_close(losses[place], expected)
        gradients = [
            torch.autograd.grad(losses[place], list(column.parameters()), retain_graph=True)
            for column in made.model.columns
        ]
        assert [any((g.abs() > 1e-12).any() for g in gradient) for gradient in gradients] == [
            column == task for column in range(3)
        ]


def test_a_column_for_each_task_is_the_papers_network():
    """Both columns written out, with a stitch after each of two layers; the head of a task stands
    on its column after the last."""
    made, tasks = (
        qs.PartialSharing(qs.models.CrossStitch(vectors(), 2), 2).double(),
        episode((4,))[:2],
    )
    tasks = Episode(tasks.support, tasks.query, torch.tensor([1, 0]))
    stitch = torch.tensor([[0.9, 0.1], [0.1, 0.9]], dtype=torch.float64)
    columns = [
        [module for module in column.features if isinstance(module, nn.Linear)]
        for column in made.model.columns
    ]
    losses = made.losses(tasks)
    for place, task in enumerate((1, 0)):
        a = b = tasks.query.x[place]
        for one, other in zip(*columns, strict=True):
            first, second = one(a).relu(), other(b).relu()
            a, b = (row[0] * first + row[1] * second for row in stitch)
        expected = nn.functional.mse_loss(made.model.head((a, b)[task]), tasks.query.y[place])
        torch.testing.assert_close(losses[place], expected, rtol=1e-6, atol=1e-6)


def test_a_task_that_is_not_in_the_step_has_gradient_zero():
    made = qs.PartialSharing(qs.models.LayeredExperts(vectors(), 2), 5, penalty=0.5).double()
    made.losses(episode((4,))).sum().backward()
    for offset in made.part.offsets:
        assert (offset.grad[3:] == 0).all() and offset.grad[:3].isfinite().all()
    assert sum(bool((offset.grad[:3] != 0).any()) for offset in made.part.offsets) == len(
        made.part.offsets
    )


def test_adapting_goes_down_the_support_loss_by_the_own_part_alone():
    made = qs.PartialSharing(
        qs.models.LayeredExperts(vectors(), 2), 3, inner_optimiser="sgd", inner_lr=0.05
    ).double()
    support = episode((4,)).support
    start, after = made.adaptations(support, [0, 20])
    shared = [name for name, _ in made.model.named_parameters() if "shared" in name]
    assert (
        shared
        and not after.keys() & set(shared)
        and after.keys() | set(shared) == dict(made.model.named_parameters()).keys()
    )
    before, now = (
        (made.predict(state, support.x) - support.y).square().mean((1, 2))
        for state in (start, after)
    )
    assert (now < before).all()


ERRORS = {
    "unknown": (
        lambda: qs.PartialSharing(qs.models.MLP(4, 2), 3),
        "Parameter `own` should name what is the task's own",
    ),
    "name": (
        lambda: qs.PartialSharing(qs.models.MLP(4, 2), 3, ["head", "gate"]),
        "Parameter `own` should name layers or parameters of the model. Found ['gate'], not "
        "one of ['features.1.weight',",
    ),
    "task": (
        lambda: qs.PartialSharing(qs.models.MLP(4, 2), 2, ["head"]).losses(episode((4,))),
        "Training tasks have the identities 0 to 1. Found 2: a new task is served by adapt.",
    ),
    "rows": (
        lambda: qs.PartialSharing(
            qs.models.Conv4(2, channels=2, image_size=16), 3, ["head"]
        ).losses(
            Episode(
                episode((1, 16, 16), 0).support, episode((1, 16, 16)).query, torch.tensor(TASKS)
            )
        ),
        "Batch norms with statistics='support' need support rows in training too. Found "
        "none: take statistics='transductive'.",
    ),
    "frozen": (
        lambda: qs.PartialSharing(_with_a_frozen_head(), 3, ["head"]).adapt(episode((4,)).support),
        "The task's own part should have a parameter with requires_grad=True. Found all frozen.",
    ),
}


def _with_a_frozen_head() -> nn.Module:
    model = qs.models.MLP(4, 2)
    model.head.requires_grad_(False)
    return model


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    make, message = ERRORS[name]
    with pytest.raises(qs.UserError) as error:
        make()
    assert message in str(error.value)
