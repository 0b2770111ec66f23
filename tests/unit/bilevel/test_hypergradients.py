"""Hypergradients against exact derivatives, and the ways to them against each other."""

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

import quickstudy as qs
from quickstudy.bilevel.implicit import by_conjugate_gradients, by_neumann_series
from tests.laws.battery import cast, close

FEATURES = 4


def drawn(*shape: int, name: str = "data") -> Tensor:
    return torch.randn(*shape, generator=qs.generator(0, name), dtype=torch.float64)


class Ridge:
    """``ℓ(w, r) = ‖Xw − y‖²/n + Σ exp(r) w²`` and the mean squared error on other data, one task or
    several."""

    def __init__(self, tasks: tuple[int, ...] = ()) -> None:
        self.x, self.y = drawn(*tasks, 12, FEATURES), drawn(*tasks, 12, name="y")
        self.other_x, self.other_y = (
            drawn(*tasks, 9, FEATURES, name="other"),
            drawn(*tasks, 9, name="other y"),
        )
        self.start = {"w": torch.zeros(*tasks, FEATURES, dtype=torch.float64)}
        self.meta = {
            "r": torch.tensor([-1.0, 0.0, -0.5, 0.3], dtype=torch.float64, requires_grad=True)
        }

    @staticmethod
    def error(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
        return ((x @ w.unsqueeze(-1)).squeeze(-1) - y).square().mean(-1)

    def inner(self, weights: dict, meta: dict) -> Tensor:
        return self.error(self.x, self.y, weights["w"]) + (
            meta["r"].exp() * weights["w"].square()
        ).sum(-1)

    def outer(self, weights: dict, meta: dict) -> Tensor:
        return self.error(self.other_x, self.other_y, weights["w"]) + 0.1 * meta["r"].square().sum()

    def exact(self) -> tuple[Tensor, Tensor]:
        """The outer loss at ``w* = (XᵀX/n + diag exp r)⁻¹ Xᵀy/n``, differentiated through the
        solve, and ``w*``."""
        n = self.x.shape[-2]
        hessian = self.x.mT @ self.x / n + self.meta["r"].exp().diag()
        optimum = torch.linalg.solve(hessian, (self.x.mT @ self.y.unsqueeze(-1)).squeeze(-1) / n)
        return self.outer({"w": optimum}, self.meta), optimum


def weighted(losses: Tensor) -> Tensor:
    return losses if losses.ndim == 0 else (losses * torch.arange(1, len(losses) + 1)).sum()


@pytest.mark.parametrize("tasks", [(), (3,)])
@pytest.mark.parametrize(
    ("way", "options"),
    [
        ("unrolled", {}),
        ("stepwise", {}),
        ("truncated", {"backward_steps": 60}),
        ("implicit", {"backward_steps": FEATURES}),
        ("neumann", {"backward_steps": 250}),
    ],
)
def test_the_hypergradient_of_a_ridge_penalty_is_the_exact_derivative(tasks, way, options):
    ridge = Ridge(tasks)
    loss, optimum = ridge.exact()
    (expected,) = torch.autograd.grad(weighted(loss), ridge.meta["r"])
    found = qs.bilevel.solve(
        ridge.inner, ridge.outer, ridge.meta, ridge.start, 250, 0.15, way, **options
    )
    weighted(found.loss).backward()
    close(found.weights["w"], optimum.detach(), 1e-9)
    close(found.loss.detach(), loss.detach(), 1e-9)
    close(ridge.meta["r"].grad, expected, 1e-8)


@pytest.mark.parametrize("optimiser", ["momentum", "adam"])
def test_an_implicit_gradient_does_not_ask_how_the_optimum_was_found(optimiser):
    ridge = Ridge()
    (expected,) = torch.autograd.grad(ridge.exact()[0], ridge.meta["r"])
    found = qs.bilevel.solve(
        ridge.inner,
        ridge.outer,
        ridge.meta,
        ridge.start,
        500,
        0.03,
        "implicit",
        inner_optimiser=optimiser,
    )
    found.loss.backward()
    close(ridge.meta["r"].grad, expected, 1e-6)


def test_damping_is_added_to_the_hessian():
    ridge = Ridge()
    found = qs.bilevel.solve(
        ridge.inner, ridge.outer, ridge.meta, ridge.start, 250, 0.15, "implicit", damping=0.7
    )
    found.loss.backward()
    w, r = found.weights["w"], ridge.meta["r"].detach()
    pull = 2 * ridge.other_x.T @ (ridge.other_x @ w - ridge.other_y) / 9
    hessian = 2 * (ridge.x.T @ ridge.x / 12 + r.exp().diag()) + 0.7 * torch.eye(FEATURES)
    close(ridge.meta["r"].grad, 0.2 * r - 2 * r.exp() * w * torch.linalg.solve(hessian, pull), 1e-8)


def network(decay: float = -2.0, tasks: int = 3) -> tuple:
    """A small tanh network for every task: inner and outer loss, what is outer, the start and the
    rate, all outer."""
    model = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 1)).double()
    qs.models.initialise.initialise(model, qs.generator(0, "model"))
    x, y = drawn(tasks, 6, 2), drawn(tasks, 6, 1, name="y")

    centre = {name: weight.detach().clone() for name, weight in model.named_parameters()}

    def fit(weights: dict, x: Tensor) -> Tensor:
        return (vmap(lambda own, x: functional_call(model, own, (x,)))(weights, x) - y).square()

    def inner(weights: dict, meta: dict) -> Tensor:
        decay = sum(
            (meta[name].exp() * (weight - centre[name]).square()).flatten(1).sum(1)
            for name, weight in weights.items()
        )
        return fit(weights, x).mean((1, 2)) + decay

    theta = {name: weight.detach().requires_grad_() for name, weight in model.named_parameters()}
    meta = {name: torch.full_like(weight, decay).requires_grad_() for name, weight in theta.items()}
    return inner, lambda weights, _: fit(weights, x.flip(0)).mean((1, 2)), meta, theta


def gradients_of(
    way: str,
    steps: int = 6,
    optimiser: str = "sgd",
    lr: float | Tensor = 0.1,
    decay: float = -2.0,
    **options,
) -> list[Tensor]:
    inner, outer, meta, theta = network(decay)
    start = {name: weight.expand(3, *weight.shape) for name, weight in theta.items()}
    solution = qs.bilevel.solve(
        inner, outer, meta, start, steps, lr, way, inner_optimiser=optimiser, **options
    )
    wanted = [*meta.values(), *theta.values(), *([lr] if isinstance(lr, Tensor) else [])]
    return [
        solution.loss.detach(),
        *torch.autograd.grad(
            weighted(solution.loss), wanted, allow_unused=True, materialize_grads=True
        ),
        *solution.weights.values(),
    ]


@pytest.mark.parametrize("optimiser", ["sgd", "momentum", "adam"])
def test_stepwise_and_truncated_through_all_steps_are_unrolled(optimiser):
    rate = torch.tensor(0.05, dtype=torch.float64, requires_grad=True)
    expected = gradients_of("unrolled", 6, optimiser, rate)
    assert (expected[-5] != 0).all()  # the rate learns
    for way, options in (
        ("stepwise", {}),
        ("truncated", {"backward_steps": 6}),
        ("truncated", {"backward_steps": 99}),
    ):
        close(gradients_of(way, 6, optimiser, rate, **options), expected, 1e-10)


def test_truncated_takes_the_last_steps_alone():
    """By hand: five steps whose gradients are constants, two that are followed."""
    inner, outer, meta, theta = network()
    weights = {name: weight.expand(3, *weight.shape) for name, weight in theta.items()}
    for index in range(7):
        follow = index >= 5
        slopes = torch.autograd.grad(
            inner(weights, meta).sum(), list(weights.values()), create_graph=follow
        )
        weights = {
            name: weight - 0.1 * slope
            for (name, weight), slope in zip(weights.items(), slopes, strict=True)
        }
    wanted = [*meta.values(), *theta.values()]
    by_hand = torch.autograd.grad(weighted(outer(weights, meta)), wanted)
    close(gradients_of("truncated", 7, backward_steps=2)[1 : 1 + len(wanted)], list(by_hand))
    first = gradients_of("first_order", 7)
    assert all((gradient == 0).all() for gradient in first[1 : 1 + len(meta)])
    assert any((gradient != 0).any() for gradient in first[1 + len(meta) : 1 + len(wanted)])


def test_at_the_optimum_of_a_network_all_exact_ways_agree():
    count = 4
    expected = gradients_of("unrolled", 300, decay=-0.5)[1 : 1 + count]
    for way, effort in (("implicit", 30), ("neumann", 300)):
        close(
            gradients_of(way, 300, decay=-0.5, backward_steps=effort)[1 : 1 + count], expected, 1e-8
        )


def positive(tasks: int, size: int) -> Tensor:
    root = drawn(tasks, size, size)
    return root @ root.mT + torch.diag_embed(
        torch.linspace(0.5, 3, size, dtype=torch.float64)
    ).expand(tasks, -1, -1)


def product(matrices: Tensor):
    """The product with a vector that comes in two pieces of different shapes."""

    def of(vector: list[Tensor]) -> list[Tensor]:
        image = (
            matrices @ torch.cat([vector[0].flatten(1), vector[1].unsqueeze(1)], 1).unsqueeze(-1)
        ).squeeze(-1)
        return [image[:, :6].reshape(-1, 2, 3), image[:, 6]]

    return of


def test_conjugate_gradients_solve_every_task_exactly_after_as_many_steps_as_dimensions():
    matrices, target = positive(4, 7), drawn(4, 7, name="target")
    target[1] = 0  # has arrived before it starts
    pieces = [target[:, :6].reshape(-1, 2, 3), target[:, 6]]
    for steps in (7, 30):
        found = by_conjugate_gradients(product(matrices), pieces, 1, steps)
        close(
            torch.cat([found[0].flatten(1), found[1].unsqueeze(1)], 1),
            torch.linalg.solve(matrices, target),
            1e-8,
        )
    early = by_conjugate_gradients(product(matrices), pieces, 1, 2)
    assert not torch.allclose(early[1], found[1], rtol=1e-3)


def test_a_task_in_which_the_matrix_is_not_positive_stops_alone():
    matrices, target = positive(3, 7), drawn(3, 7, name="target")
    matrices[1] = -matrices[1]
    found = by_conjugate_gradients(
        product(matrices), [target[:, :6].reshape(-1, 2, 3), target[:, 6]], 1, 20
    )
    solution = torch.cat([found[0].flatten(1), found[1].unsqueeze(1)], 1)
    assert (solution[1] == 0).all()
    close(solution[::2], torch.linalg.solve(matrices, target)[::2], 1e-8)


def test_a_neumann_series_is_its_sum_and_goes_to_the_inverse():
    matrices, target = positive(2, 7), drawn(2, 7, name="target")
    rate = 1 / float(torch.linalg.eigvalsh(matrices).max())
    pieces = [target[:, :6].reshape(-1, 2, 3), target[:, 6]]
    rest = torch.eye(7, dtype=torch.float64) - rate * matrices
    for terms, tolerance in ((1, 1e-12), (3, 1e-12), (5000, 1e-8)):
        found = by_neumann_series(product(matrices), pieces, 1, terms, rate)
        solution = torch.cat([found[0].flatten(1), found[1].unsqueeze(1)], 1)
        total = (
            rate * sum(torch.linalg.matrix_power(rest, j) for j in range(terms))
            if terms < 10
            else torch.linalg.inv(matrices)
        )
        close(solution, (total @ target.unsqueeze(-1)).squeeze(-1), tolerance)


@pytest.mark.parametrize("way", ["unrolled", "stepwise", "truncated", "first_order"])
def test_the_start_may_be_what_is_outer_and_the_losses_are_mamls(way):
    model = qs.models.MLP(1, 1, hidden=(6,)).double()
    episodes = cast(
        qs.tasks.Sinusoid().episodes(5, 5).sample(3, qs.Moment(0, "maml")), torch.float64
    )
    learner = qs.MAML(model, 0.05, 4, outer_gradient=way, backward_steps=2)
    theta = dict(model.named_parameters())

    def error(batch: qs.Batch):
        def of(weights: dict, meta: dict) -> Tensor:
            scores = vmap(lambda own, x: functional_call(model, own, (x,)))(weights, batch.x)
            return (scores - batch.y).square().mean((1, 2))

        return of

    start = {name: weight.expand(3, *weight.shape) for name, weight in theta.items()}
    found = qs.bilevel.solve(
        error(episodes.support), error(episodes.query), {}, start, 4, 0.05, way, backward_steps=2
    ).loss
    expected = learner.losses(episodes)
    close(found, expected)
    close(
        torch.autograd.grad(found.sum(), list(theta.values())),
        torch.autograd.grad(expected.sum(), list(theta.values())),
    )


@pytest.mark.parametrize("way", ["stepwise", "implicit", "neumann"])
def test_backward_may_be_called_again_and_leaves_random_numbers_as_they_are(way):
    ridge = Ridge((2,))
    torch.manual_seed(3)
    solution = qs.bilevel.solve(ridge.inner, ridge.outer, ridge.meta, ridge.start, 40, 0.15, way)
    before = torch.get_rng_state()
    each = [
        torch.autograd.grad(loss, ridge.meta["r"], retain_graph=True)[0] for loss in solution.loss
    ]
    close(sum(each), torch.autograd.grad(solution.loss.sum(), ridge.meta["r"])[0])
    assert torch.equal(torch.get_rng_state(), before)


def test_without_gradients_a_solution_is_the_same():
    ridge = Ridge()
    expected = qs.bilevel.solve(
        ridge.inner, ridge.outer, ridge.meta, ridge.start, 5, 0.1
    ).loss.detach()
    for way in ("unrolled", "stepwise", "implicit"):
        with torch.no_grad():
            close(
                qs.bilevel.solve(
                    ridge.inner, ridge.outer, ridge.meta, ridge.start, 5, 0.1, way
                ).loss,
                expected,
                0,
            )
