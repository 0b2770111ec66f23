"""Conjugate gradients and the Neumann series against linear solves, and the gradient they give."""

import pytest
import torch
from torch import Tensor

from quickstudy.bilevel.implicit import by_conjugate_gradients, by_neumann_series
from tests.laws.battery import close
from tests.unit.bilevel.problems import FEATURES, NUM_DECAYS, Ridge, drawn, gradients_of


def positive(tasks: int, size: int) -> Tensor:
    """A positive definite matrix for every task."""
    root = drawn(tasks, size, size)
    return root @ root.mT + torch.linspace(0.5, 3, size, dtype=torch.float64).diag()


def pieces(vector: Tensor) -> list[Tensor]:
    """A vector of every task ``[task, 7]`` in two pieces of different shapes."""
    return [vector[:, :6].reshape(-1, 2, 3), vector[:, 6]]


def joined(vector: list[Tensor]) -> Tensor:
    return torch.cat([vector[0].flatten(1), vector[1].unsqueeze(1)], 1)


def product(matrices: Tensor):
    return lambda vector: pieces((matrices @ joined(vector).unsqueeze(-1)).squeeze(-1))


def test_conjugate_gradients_are_exact_after_as_many_steps_as_dimensions():
    matrices, target = positive(4, 7), drawn(4, 7, name="target")
    target[1] = 0  # has arrived before it starts
    expected = torch.linalg.solve(matrices, target)
    for steps in (7, 30):
        found = by_conjugate_gradients(product(matrices), pieces(target), 1, steps)
        close(joined(found), expected, 1e-8)
    early = by_conjugate_gradients(product(matrices), pieces(target), 1, 2)
    assert not torch.allclose(joined(early), expected, rtol=1e-3)


def test_the_first_step_of_conjugate_gradients_is_steepest_descent():
    """From 0 along ``b`` by ``⟨b, b⟩ / ⟨b, A b⟩``."""
    matrices, target = positive(2, 7), drawn(2, 7, name="target")
    found = by_conjugate_gradients(product(matrices), pieces(target), 1, 1)
    curvature = torch.einsum("ti,tij,tj->t", target, matrices, target)
    close(joined(found), (target.square().sum(1) / curvature).unsqueeze(1) * target)


def test_a_task_whose_matrix_is_not_positive_stops_and_the_others_go_on():
    matrices, target = positive(3, 7), drawn(3, 7, name="target")
    matrices[1] = -matrices[1]
    found = joined(by_conjugate_gradients(product(matrices), pieces(target), 1, 20))
    assert (found[1] == 0).all()
    close(found[::2], torch.linalg.solve(matrices, target)[::2], 1e-8)


@pytest.mark.parametrize(("terms", "tolerance"), [(1, 1e-12), (3, 1e-12), (5000, 1e-8)])
def test_a_neumann_series_is_its_sum_and_goes_to_the_inverse(terms, tolerance):
    matrices, target = positive(2, 7), drawn(2, 7, name="target")
    rate = 1 / float(torch.linalg.eigvalsh(matrices).max())
    found = by_neumann_series(product(matrices), pieces(target), 1, terms, rate)
    rest = torch.eye(7, dtype=torch.float64) - rate * matrices
    total = torch.linalg.inv(matrices)
    if terms < 10:
        total = rate * sum(torch.linalg.matrix_power(rest, j) for j in range(terms))
    close(joined(found), (total @ target.unsqueeze(-1)).squeeze(-1), tolerance)


@pytest.mark.parametrize("optimiser", ["momentum", "adam"])
def test_the_gradient_does_not_depend_on_how_the_optimum_was_found(optimiser):
    ridge = Ridge()
    ridge.solve(500, 0.03, "implicit", inner_optimiser=optimiser).loss.backward()
    close(ridge.meta["r"].grad, ridge.exact_gradient(), 1e-6)


def test_damping_is_added_to_the_hessian():
    ridge = Ridge()
    found = ridge.solve(250, 0.15, "implicit", damping=0.7)
    found.loss.backward()
    w, r = found.weights["w"], ridge.meta["r"].detach()
    pull = 2 * ridge.other_x.T @ (ridge.other_x @ w - ridge.other_y) / 9
    hessian = 2 * (ridge.x.T @ ridge.x / 12 + r.exp().diag()) + 0.7 * torch.eye(FEATURES)
    close(ridge.meta["r"].grad, 0.2 * r - 2 * r.exp() * w * torch.linalg.solve(hessian, pull), 1e-8)


@pytest.mark.parametrize(("outer_gradient", "effort"), [("implicit", 30), ("neumann", 300)])
def test_at_the_optimum_of_a_network_it_is_the_unrolled_gradient(outer_gradient, effort):
    expected = gradients_of("unrolled", 300, decay=-0.5)[1 : 1 + NUM_DECAYS]
    found = gradients_of(outer_gradient, 300, decay=-0.5, backward_steps=effort)
    close(found[1 : 1 + NUM_DECAYS], expected, 1e-8)
