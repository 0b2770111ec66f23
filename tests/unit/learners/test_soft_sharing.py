"""Soft sharing between its two ends: one network for all, and one for each."""

import pytest
import torch
from torch import Tensor

import quickstudy as qs
from quickstudy import Batch, Episode, Learner

GENERATOR = qs.generator(0, "test")


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=GENERATOR, dtype=torch.float64)


def episode(tasks: list[int], rows: int = 6) -> Episode:
    parts = [
        Batch(draw(len(tasks), rows, 2), draw(len(tasks), rows, 1), torch.ones(len(tasks), rows))
        for _ in range(2)
    ]
    return Episode(*parts, torch.tensor(tasks))


def learner(num_tasks: int = 4, hidden: tuple[int, ...] = (), **options) -> qs.SoftSharing:
    made = qs.SoftSharing(qs.models.MLP(2, 1, hidden=hidden), num_tasks, **options).double()
    with torch.no_grad():
        for offset in made.part.offsets:
            offset += draw(*offset.shape)
    return made


def to_the_optimum(made: Learner, tasks: Episode) -> None:
    """One Newton step, which for linear models is all."""
    parameters = list(made.parameters())
    gradient = torch.cat(
        [
            g.flatten()
            for g in torch.autograd.grad(made.losses(tasks).sum(), parameters, create_graph=True)
        ]
    )
    rows = [
        torch.cat([g.flatten() for g in torch.autograd.grad(entry, parameters, retain_graph=True)])
        for entry in gradient
    ]
    step = torch.linalg.lstsq(torch.stack(rows), -gradient.detach(), driver="gelsd").solution
    with torch.no_grad():
        for parameter, change in zip(
            parameters, step.split([p.numel() for p in parameters]), strict=True
        ):
            parameter += change.reshape(parameter.shape)


def least_squares(x: Tensor, y: Tensor) -> Tensor:
    """The linear function ``[2 weights, intercept]`` of least squared error."""
    return torch.linalg.lstsq(
        torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], 1), y
    ).solution.flatten()


def linear_functions(made: qs.SoftSharing) -> Tensor:
    """Weights and intercept of every task ``[task, 3]``."""
    start = torch.cat([parameter.flatten() for parameter in made.model.parameters()])
    return (start + torch.cat([offset.flatten(1) for offset in made.part.offsets], 1)).detach()


def test_without_a_penalty_tasks_are_independent():
    made, tasks = learner(penalty=0.0), episode([0, 1, 2, 3])
    to_the_optimum(made, tasks)
    expected = torch.stack(
        [least_squares(x, y) for x, y in zip(tasks.query.x, tasks.query.y, strict=True)]
    )
    torch.testing.assert_close(linear_functions(made), expected)


def test_with_a_very_large_penalty_all_tasks_are_one():
    made, tasks = learner(penalty=1e7), episode([0, 1, 2, 3])
    to_the_optimum(made, tasks)
    expected = least_squares(tasks.query.x.flatten(0, 1), tasks.query.y.flatten(0, 1))
    torch.testing.assert_close(linear_functions(made), expected.expand(4, 3), rtol=1e-5, atol=1e-5)


def test_at_the_optimum_the_shared_weights_are_the_mean():
    made, tasks = learner(penalty=0.3), episode([0, 1, 2, 3])
    to_the_optimum(made, tasks)
    start = torch.cat([parameter.flatten() for parameter in made.model.parameters()]).detach()
    torch.testing.assert_close(linear_functions(made).mean(0), start)
    assert linear_functions(made).std(0).min() > 1e-2


def test_the_losses_hold_the_trace_norm_of_every_parameter_once():
    made, tasks = learner(hidden=(5,), penalty=0.7, relation="trace"), episode([3, 1, 0, 2])
    free = learner(hidden=(5,), penalty=0.0)
    free.load_state_dict(made.state_dict())
    stacked = [
        (p + o).flatten(1) for p, o in zip(made.model.parameters(), made.part.offsets, strict=True)
    ]
    expected = 0.7 * sum(torch.linalg.norm(matrix, "nuc") for matrix in stacked)
    torch.testing.assert_close((made.losses(tasks) - free.losses(tasks)).sum(), expected)
    gradients, of_tasks = (
        torch.autograd.grad(one.losses(tasks).sum(), list(one.part.offsets)) for one in (made, free)
    )
    norms = torch.autograd.grad(expected, stacked)  # torch's own derivative, which full rank has
    for found, of_task, norm in zip(gradients, of_tasks, norms, strict=True):
        torch.testing.assert_close(found - of_task, norm.reshape(found.shape))


@pytest.mark.parametrize("relation", ["mean", "trace"])
def test_a_task_that_is_not_in_the_step_has_gradient_zero(relation):
    made, tasks = learner(hidden=(5,), penalty=0.7, relation=relation), episode([2, 0])
    empty = Episode(
        tasks.support,
        Batch(tasks.query.x, tasks.query.y, torch.tensor([[1.0] * 6, [0.0] * 6])),
        tasks.task,
    )
    for step, present in ((tasks, [0, 2]), (empty, [2])):
        gradients = torch.autograd.grad(made.losses(step).sum(), list(made.part.offsets))
        for gradient in gradients:
            assert [task for task in range(4) if (gradient[task] != 0).any()] == present


def test_all_tasks_alike_have_a_trace_norm_with_a_gradient():
    made = qs.SoftSharing(
        qs.models.MLP(2, 1, hidden=(5,)), 4, penalty=0.7, relation="trace"
    ).double()
    gradients = torch.autograd.grad(
        made.losses(episode([0, 1, 2, 3])).sum(), list(made.parameters())
    )
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_images_have_a_network_a_task():
    made = qs.SoftSharing(qs.models.Conv4(3, channels=2, image_size=16), 2, penalty=0.0).double()
    with torch.no_grad():
        for offset in made.part.offsets:
            offset += 0.1 * draw(*offset.shape)
    x, y = draw(2, 6, 1, 16, 16), torch.arange(6).remainder(3).expand(2, 6)
    losses = made.losses(Episode(*[Batch(x, y, torch.ones(2, 6))] * 2, torch.tensor([1, 0])))
    for place, task in enumerate((1, 0)):
        alone = qs.models.Conv4(3, channels=2, image_size=16).double()
        state = {
            name: p + o[task]
            for (name, p), o in zip(made.model.named_parameters(), made.part.offsets, strict=True)
        }
        expected = torch.nn.functional.cross_entropy(
            torch.func.functional_call(alone, state, (x[place],)), y[place]
        )
        torch.testing.assert_close(losses[place], expected)


def test_errors():
    with pytest.raises(
        qs.UserError, match=r"Parameter `relation` should be 'mean' or 'trace'\. Found 'max'\."
    ):
        learner(relation="max")
