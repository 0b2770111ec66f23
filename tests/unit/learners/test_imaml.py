"""iMAML against closed forms, against dense algebra, and against the unrolled gradient of the same
inner problem."""

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.functional import hessian
from torch.func import functional_call

import quickstudy as qs
from quickstudy.training.memory import Held
from tests.laws.battery import Case, cast, close, gradients, normed, query_loss
from tests.unit.learners.test_inner_loop import sinusoids, smooth
from tests.unit.learners.test_known_answers import linear_model, linear_tasks, quadratic

LAMBDA = 0.8


@pytest.mark.parametrize("damping", [0.0, 0.5])
def test_on_a_quadratic_the_gradient_is_the_exact_solve(damping):
    episodes, model = linear_tasks(), linear_model()
    learner = qs.IMAML(model, 0.1, 400, proximal=LAMBDA, cg_steps=4, damping=damping)
    losses, grads = gradients(learner, episodes)
    theta, expected = model.weight[0].detach(), torch.zeros(1, 4, dtype=torch.float64)
    eye = torch.eye(4, dtype=torch.float64)
    for task in range(episodes.num_tasks):
        H, b = quadratic(episodes.support.x[task], episodes.support.y[task])
        optimum = torch.linalg.solve(H + LAMBDA * eye, b + LAMBDA * theta)
        query_H, query_b = quadratic(episodes.query.x[task], episodes.query.y[task])
        pull = query_H @ optimum - query_b
        expected += (task + 1) * torch.linalg.solve((1 + damping / LAMBDA) * eye + H / LAMBDA, pull)
        close(
            losses[task],
            (episodes.query.x[task] @ optimum - episodes.query.y[task, :, 0]).square().mean(),
            1e-8,
        )
    close(grads["model.weight"], expected, 1e-8)


def test_on_a_network_it_is_the_papers_equation_with_a_dense_hessian():
    """Also where the inner loop has not arrived and tasks have padding: equation 6 at the weights
    it ended with."""
    model, episodes = smooth(), sinusoids()
    learner = qs.IMAML(model, 0.05, 7, proximal=9.0, cg_steps=60)
    _, grads = gradients(learner, episodes)
    adapted = learner.adapt(episodes.support)
    names = [name for name, _ in model.named_parameters()]
    shapes = [weight.shape for _, weight in model.named_parameters()]
    sizes = [shape.numel() for shape in shapes]

    def unflatten(flat: Tensor) -> dict[str, Tensor]:
        return {
            name: part.reshape(shape)
            for name, part, shape in zip(names, flat.split(sizes), shapes, strict=True)
        }

    expected = torch.zeros(sum(sizes), dtype=torch.float64)
    for task in range(episodes.num_tasks):
        x, y = episodes.support.x[task], episodes.support.y[task]
        end = torch.cat([adapted[name][task].flatten() for name in names])
        H = hessian(
            lambda flat, x=x, y=y: (
                (functional_call(model, unflatten(flat), (x,)) - y).square().mean()
            ),
            end,
        )
        weights = {
            name: weight.detach().requires_grad_() for name, weight in unflatten(end).items()
        }
        slopes = torch.autograd.grad(
            query_loss(learner, weights, episodes[task : task + 1]), list(weights.values())
        )
        pull = torch.cat([slope.flatten() for slope in slopes])
        expected += (task + 1) * torch.linalg.solve(torch.eye(len(end)) + H / 9.0, pull)
    close(torch.cat([gradient.flatten() for gradient in grads.values()]), expected, 1e-8)


@pytest.mark.parametrize("make", [qs.MAML, qs.ANIL])
@pytest.mark.parametrize("shared_head", [False, True])
def test_with_many_inner_steps_it_is_the_unrolled_gradient_of_the_same_problem(make, shared_head):
    episodes, results = Case("many", "vectors", lambda: None).episodes(), []
    options = {
        "inner_lr": 0.02,
        "inner_steps": 60,
        "proximal": 30.0,
        "backward_steps": 40,
        "shared_head": shared_head,
    }
    for outer in ("stepwise", "implicit"):
        results.append(
            gradients(make(normed().double(), outer_gradient=outer, **options), episodes)
        )
    close(results[1], results[0], 1e-8)
    assert results[1][1]["model.0.weight"].abs().max() > 1e-3  # the body learns


def test_it_is_maml_with_an_implicit_gradient():
    episodes, results = Case("same", "vectors", lambda: None).episodes(), []
    for make in (
        lambda model: qs.IMAML(model, 0.1, 5, proximal=1.5, cg_steps=3, damping=0.2),
        lambda model: qs.MAML(
            model, 0.1, 5, outer_gradient="implicit", proximal=1.5, backward_steps=3, damping=0.2
        ),
    ):
        results.append(gradients(make(normed().double()), episodes))
    close(results[1], results[0], 0)


def test_the_proximal_term_is_in_every_step():
    model, support = smooth(), sinusoids(1).support
    learner = qs.MAML(model, 0.05, 6, proximal=LAMBDA)
    adapted = learner.adapt(support)
    theta = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    optimiser = torch.optim.SGD(model.parameters(), 0.05)
    for _ in range(6):
        optimiser.zero_grad()
        distance = sum(
            (weight - theta[name]).square().sum() for name, weight in model.named_parameters()
        )
        ((model(support.x[0]) - support.y[0]).square().mean() + LAMBDA / 2 * distance).backward()
        optimiser.step()
    for name, weight in model.named_parameters():
        close(adapted[name][0], weight.detach(), 1e-12)


def test_memory_of_an_outer_step_does_not_grow_with_the_inner_steps():
    episodes = cast(
        qs.tasks.Sinusoid().episodes(5, 5).sample(1, qs.Moment(0, "memory")), torch.float32
    )

    def peak(steps: int, outer_gradient: str) -> int:
        """The most bytes that graphs hold at once from the loss to the end of the way back."""
        learner = qs.MAML(qs.models.MLP(), 0.01, steps, proximal=1.0, outer_gradient=outer_gradient)
        with Held(learner) as held:
            learner.losses(episodes).sum().backward()
        return held.peak

    assert peak(40, "implicit") == peak(2, "implicit")
    assert peak(40, "unrolled") > 10 * peak(2, "unrolled")
    learner = qs.IMAML(qs.models.MLP(), 0.01, 40)
    function = learner.losses(episodes).grad_fn.next_functions[0][0]
    assert sum(part.nbytes for part in function.saved_tensors) // 2 == sum(
        weight.nbytes for weight in learner.parameters()
    )


BAD = {
    "proximal": (
        {"proximal": 0.0},
        "`proximal` should be positive with outer_gradient='implicit': without it the optimum",
    ),
    "negative": ({"proximal": -1.0}, "`proximal` should be at least 0. Found proximal=-1.0"),
    "inner_steps": (
        {"inner_steps": 0},
        "`inner_steps` should be at least 1 with outer_gradient='implicit'",
    ),
    "multi": (
        {"multi_step_loss": True},
        "`multi_step_loss` should be False with outer_gradient='implicit'",
    ),
    "backward": (
        {"backward_steps": 0},
        "`backward_steps` should be at least 1. Found backward_steps=0",
    ),
    "neumann": (
        {"outer_gradient": "neumann", "inner_optimiser": "adam"},
        "`inner_optimiser` should be 'sgd' .* Found 'adam'",
    ),
}


@pytest.mark.parametrize("make", [qs.MAML, qs.ANIL])
@pytest.mark.parametrize("name", BAD)
def test_what_has_no_implicit_gradient_is_refused_with_the_reason(make, name):
    changed, message = BAD[name]
    with pytest.raises(qs.UserError, match=message):
        make(nn.Linear(2, 3), **{"outer_gradient": "implicit", "proximal": 1.0} | changed)


def test_rates_have_no_implicit_gradient():
    with pytest.raises(qs.UserError, match="an inner optimum does not depend on rates"):
        qs.MetaSGD(nn.Linear(2, 3), outer_gradient="implicit")
