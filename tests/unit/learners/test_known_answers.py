"""What can be worked out on paper."""

import pytest
import torch
from torch import Tensor, nn

import quickstudy as qs
from quickstudy import Batch
from quickstudy.episode import Episode
from tests.laws.battery import cast, close, gradients, vectors

RATE = 0.1


def linear_tasks(num_tasks: int = 3, features: int = 4) -> Episode:
    generator = qs.generator(0, "linear")

    def batch(examples: int) -> Batch:
        x = torch.randn(num_tasks, examples, features, generator=generator, dtype=torch.float64)
        y = torch.randn(num_tasks, examples, 1, generator=generator, dtype=torch.float64)
        return Batch(x, y, torch.ones(num_tasks, examples))

    return Episode(batch(7), batch(5), torch.arange(num_tasks))


def linear_model() -> nn.Linear:
    model = nn.Linear(4, 1, bias=False)
    nn.init.normal_(model.weight, generator=qs.generator(0, "model"))
    return model.double()


def quadratic(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """``H`` and ``b`` of the mean squared error ``½ wᵀHw − bᵀw + c`` of the linear model."""
    return 2 * x.T @ x / len(x), 2 * x.T @ y[:, 0] / len(x)


@pytest.mark.parametrize("steps", [0, 1, 2, 5])
@pytest.mark.parametrize("outer", ["unrolled", "stepwise", "first_order"])
def test_maml_on_a_quadratic_in_closed_form(steps, outer):
    episodes, model = linear_tasks(), linear_model()
    _, grads = gradients(qs.MAML(model, RATE, steps, outer_gradient=outer), episodes)
    theta, expected = model.weight[0].detach(), torch.zeros(1, 4, dtype=torch.float64)
    for task in range(episodes.num_tasks):
        H, b = quadratic(episodes.support.x[task], episodes.support.y[task])
        jacobian = torch.linalg.matrix_power(torch.eye(4, dtype=H.dtype) - RATE * H, steps)
        optimum = torch.linalg.solve(H, b)
        adapted = optimum + jacobian @ (theta - optimum)  # w_K − w* = (I − lr H)^K (θ − w*)
        query_H, query_b = quadratic(episodes.query.x[task], episodes.query.y[task])
        pull = query_H @ adapted - query_b
        expected += (task + 1) * (pull if outer == "first_order" else jacobian @ pull)
    close(grads["model.weight"], expected)


def test_fomaml_is_maml_with_first_order_outer_gradient():
    episodes = cast(
        qs.tasks.Sinusoid().episodes(5, 5).sample(3, qs.Moment(0, "known")), torch.float64
    )
    results = [gradients(make(qs.models.MLP().double()), episodes) for make in (
        lambda model: qs.FOMAML(model, 0.05, 3, inner_optimiser="momentum"),
        lambda model: qs.MAML(
            model, 0.05, 3, inner_optimiser="momentum", outer_gradient="first_order"
        ),
    )]  # fmt: skip
    close(results[0], results[1], 0)


class Root(nn.Module):
    """``√(10 + w·x)``, whose squared error against 0 is linear in the weights."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([0.3, -0.2, 0.1, 0.4], dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return (10 + x @ self.w).sqrt().unsqueeze(-1)


def test_fomaml_is_maml_when_the_support_loss_is_linear():
    episodes = linear_tasks()
    support = episodes.support
    zero = Episode(
        Batch(support.x, torch.zeros_like(support.y), support.mask), episodes.query, episodes.task
    )
    close(gradients(qs.FOMAML(Root(), RATE, 3), zero), gradients(qs.MAML(Root(), RATE, 3), zero))
    first, second = (
        gradients(qs.FOMAML(Root(), RATE, 3), episodes)[1],
        gradients(qs.MAML(Root(), RATE, 3), episodes)[1],
    )
    assert not torch.allclose(first["model.w"], second["model.w"])  # and only then


def test_one_step_of_reptile_is_the_inner_rate_times_the_gradient():
    episodes = linear_tasks()
    model = linear_model()
    losses, grads = gradients(qs.Reptile(model, RATE, 1, inner_optimiser="sgd"), episodes)
    slopes = []
    for task in range(episodes.num_tasks):
        H, b = quadratic(episodes.support.x[task], episodes.support.y[task])
        slopes.append(H @ model.weight[0].detach() - b)
    close(
        grads["model.weight"][0],
        sum(RATE * (task + 1) * slope for task, slope in enumerate(slopes)),
    )
    close(losses, torch.stack([0.5 * (RATE * slope).square().sum() for slope in slopes]))


def test_reptiles_outer_step_moves_to_the_mean_of_the_adapted_weights():
    episodes, model = linear_tasks(), linear_model()
    learner = qs.Reptile(model, RATE, 3, inner_optimiser="sgd")
    mean = learner.adapt(episodes.support)["weight"].mean(0)
    learner.losses(episodes).mean().backward()
    torch.optim.SGD(learner.parameters(), 1.0).step()  # ε = 1
    close(model.weight.detach(), mean)


def test_reptiles_batches_go_through_the_support_set_in_turn():
    learner, support = (
        qs.Reptile(linear_model(), RATE, 3, inner_batch_size=3),
        linear_tasks().support,
    )
    rows = [learner.step.rows(support, index) for index in range(3)]
    for batch, at in zip(rows, ([0, 1, 2], [3, 4, 5], [6, 0, 1]), strict=True):
        assert torch.equal(batch.x, support.x[:, at])
    mask = support.mask.clone()
    mask[0, 1] = mask[0, 5] = 0  # a task with five of seven examples skips its padding ...
    mask[1, 2:] = 0  # ... and one with fewer than a batch uses all it has, once
    padded = Batch(support.x, support.y, mask)
    for index, at in enumerate(([0, 2, 3], [4, 6, 0], [2, 3, 4])):
        batch = learner.step.rows(padded, index)
        assert torch.equal(batch.x[0], support.x[0, at]) and (batch.mask[0] == 1).all()
        assert torch.equal(batch.x[1, :2], support.x[1, :2]) and batch.mask[1].tolist() == [1, 1, 0]
    assert qs.Reptile(linear_model(), inner_batch_size=7).step.rows(support, 4) is support


def test_finetune_trains_on_the_plain_supervised_loss():
    model = vectors(None).double()
    learner = qs.Finetune(model, pretraining_classes=4, embedding_size=8)
    nn.init.normal_(learner.gradient.head.weight, generator=qs.generator(0, "head"))
    learner = learner.double()
    y = torch.arange(48) % 4
    x = torch.randn(48, 5, generator=qs.generator(0, "x"), dtype=torch.float64)
    episodes = qs.tasks.Arrays(x, y).pool.supervised(6).sample(2, qs.Moment(0, "known"))
    episodes = cast(episodes, torch.float64)
    expected = [
        nn.functional.cross_entropy(
            learner.gradient.head(model(episodes.query.x[t])), episodes.query.y[t]
        )
        for t in range(2)
    ]
    close(learner.losses(episodes), torch.stack(expected))


def test_finetune_adapts_like_an_ordinary_loop_over_body_and_new_head():
    body = vectors(None).double()
    x = torch.randn(6, 5, generator=qs.generator(0, "x"), dtype=torch.float64)
    y = torch.tensor([0, 1, 2, 3, 0, 1])
    learner = qs.Finetune(vectors(None).double(), 7, 0.1, 4, "sgd", embedding_size=8)
    head = nn.Linear(8, 4).double()
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    optimiser = torch.optim.SGD([*body.parameters(), *head.parameters()], 0.1)
    for _ in range(4):
        optimiser.zero_grad()
        nn.functional.cross_entropy(head(body(x)), y).backward()
        optimiser.step()
    adapted = learner.adapt(Batch.of(x, y))
    close(learner.predict(adapted, x.unsqueeze(0))[0], head(body(x)).detach())
