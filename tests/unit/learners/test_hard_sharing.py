"""Hard sharing: a body for all, a head for each, against torch's own modules."""

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy import Batch, Episode

GENERATOR = qs.generator(0, "test")


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=GENERATOR)


def learner(num_tasks: int = 3, outputs: int = 2, **options) -> qs.HardSharing:
    made = qs.HardSharing(qs.models.MLP(4, outputs, hidden=(6,)), num_tasks, **options)
    with torch.no_grad():
        for offset in made.part.offsets:
            offset += draw(*offset.shape)
    return made


def episode(tasks, rows: int = 5, targets: int = 2) -> Episode:
    count = len(tasks)
    parts = [
        Batch(draw(count, rows, 4), draw(count, rows, targets), torch.ones(count, rows))
        for _ in range(2)
    ]
    return Episode(*parts, torch.tensor(tasks))


def test_the_loss_is_that_of_a_network_with_a_head_a_task():
    made, tasks = learner(penalty=0.6), episode([2, 0])
    found = made.losses(tasks)
    for place, task in enumerate((2, 0)):
        head = nn.Linear(6, 2)
        head.weight.data, head.bias.data = (
            own + offset[task]
            for own, offset in zip(made.model.head.parameters(), made.part.offsets, strict=True)
        )
        x, y = tasks.query.x[place], tasks.query.y[place]
        apart = sum(offset[task].square().sum() for offset in made.part.offsets)
        torch.testing.assert_close(
            found[place], nn.functional.mse_loss(head(made.model.features(x)), y) + 0.3 * apart
        )


def test_known_tasks_have_their_heads_and_new_ones_start_from_the_shared():
    made, tasks = learner(), episode([1, 2])
    known = made.predict(made.known(tasks.support, tasks.task), tasks.query.x)
    features = made.model.features(tasks.query.x.flatten(0, 1)).unflatten(0, (2, 5))
    weight, bias = (
        own + offset[tasks.task]
        for own, offset in zip(made.model.head.parameters(), made.part.offsets, strict=True)
    )
    torch.testing.assert_close(known, features @ weight.transpose(1, 2) + bias.unsqueeze(1))
    unchanged = made.predict(made.adapt(tasks.support, steps=0), tasks.query.x)
    torch.testing.assert_close(
        unchanged, made.model(tasks.query.x.flatten(0, 1)).unflatten(0, (2, 5))
    )
    assert made.adapt(tasks.support)["head.weight"].shape == (2, 2, 6)


def test_refitting_with_a_proximal_term_arrives_at_ridge_regression():
    made, tasks = (
        learner(inner_optimiser="sgd", inner_lr=0.1, test_steps=4000, proximal=0.5).double(),
        episode([0]),
    )
    support = Batch(
        *(value.double() for value in (tasks.support.x, tasks.support.y, tasks.support.mask))
    )
    features = made.model.features(support.x[0]).detach()
    rows = torch.cat([features, torch.ones(5, 1, dtype=torch.float64)], 1)
    start = torch.cat([made.model.head.weight, made.model.head.bias.unsqueeze(1)], 1).detach()
    # (1 / (rows · targets)) Φᵀ (Φ w − y) · 2 + λ (w − h) = 0
    system = 2 / 10 * rows.T @ rows + 0.5 * torch.eye(7, dtype=torch.float64)
    expected = torch.linalg.solve(system, 2 / 10 * rows.T @ support.y[0] + 0.5 * start.T).T
    adapted = made.adapt(support)
    torch.testing.assert_close(
        torch.cat([adapted["head.weight"][0], adapted["head.bias"].T], 1),
        expected,
        rtol=1e-5,
        atol=1e-6,
    )


def test_training_shares_what_tasks_share():
    """Tasks are one nonlinear function, scaled by the task: from five rows a new one is learned on
    the body."""

    def family(num_tasks, num_examples, generator):
        x = 2 * torch.rand(num_tasks, num_examples, 1, generator=generator) - 1
        return x, torch.linspace(-2, 2, 6)[:num_tasks].reshape(-1, 1, 1) * torch.sin(4 * x)

    tasks = qs.tasks.Family(family, shot=8, query=8)
    made = qs.HardSharing(qs.models.MLP(1, 1, hidden=(32, 8)), 6, test_steps=300, inner_lr=0.05)
    qs.fit(made, tasks, steps=600, tasks_per_step=6, lr=5e-3, progress=False)
    known = tasks.sample(6, qs.Moment(1, "test"))
    error = (
        (made.predict(made.known(known.support, known.task), known.query.x) - known.query.y)
        .square()
        .mean()
    )
    assert error < 0.05
    x = 2 * torch.rand(1, 20, 1, generator=qs.generator(2, "test")) - 1
    new = made.predict(
        made.adapt(Batch(x[:, :5], 1.5 * torch.sin(4 * x[:, :5]), torch.ones(1, 5))), x
    )
    assert (new - 1.5 * torch.sin(4 * x)).square().mean() < 0.15


def test_batch_norms_use_the_support_of_known_tasks():
    model = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 2))
    made, tasks = qs.HardSharing(model, 3), episode([0, 1])
    adapted = made.known(tasks.support, tasks.task)
    together = made.predict(adapted, tasks.query.x)
    alone = torch.cat([made.predict(adapted, tasks.query.x[:, i : i + 1]) for i in range(5)], 1)
    torch.testing.assert_close(together, alone)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: learner(0), "`num_tasks` should be at least 1. Found num_tasks=0."),
        (lambda: learner(penalty=-1.0), "`penalty` should be at least 0. Found penalty=-1.0."),
        (
            lambda: learner().losses(episode([0, 3])),
            "Training tasks have the identities 0 to 2. Found 3: a new task is served by adapt.",
        ),
    ],
)
def test_errors(make, message):
    with pytest.raises(qs.UserError, match=message):
        make()
