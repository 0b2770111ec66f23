"""The trace norm by row, against numpy's singular value decomposition."""

import numpy as np
import pytest
import torch

import quickstudy as qs
from quickstudy.learners.trace_norm import trace_norm_by_row

GENERATOR = qs.generator(0, "test")


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=GENERATOR, dtype=torch.float64)


@pytest.mark.parametrize("shape", [(3, 7), (7, 3), (1, 4), (4, 1)])
def test_value_and_gradient_at_full_rank(shape):
    matrix = draw(*shape).requires_grad_()
    shares = trace_norm_by_row(matrix)
    left, sizes, right = np.linalg.svd(matrix.detach().numpy(), full_matrices=False)
    np.testing.assert_allclose(shares.sum().item(), np.linalg.norm(matrix.detach().numpy(), "nuc"))
    np.testing.assert_allclose(shares.detach().numpy(), (left**2 * sizes).sum(1))
    np.testing.assert_allclose(
        torch.autograd.grad(shares.sum(), matrix)[0].numpy(), left @ right, atol=1e-12
    )


def test_a_row_moves_nothing_but_itself():
    matrix = draw(3, 5).requires_grad_()
    gradient = torch.autograd.grad(trace_norm_by_row(matrix)[1], matrix)[0]
    assert (gradient[[0, 2]] == 0).all() and (gradient[1] != 0).all()


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_without_full_rank_it_has_a_subgradient(rank):
    """``‖X‖ ≥ ‖W‖ + ⟨G, X − W⟩`` for every ``X``, and nothing of ``G`` outside the rows and columns
    of ``W``."""
    matrix = (draw(5, rank) @ draw(rank, 6)).requires_grad_()
    norm = trace_norm_by_row(matrix).sum()
    gradient = torch.autograd.grad(norm, matrix)[0]
    assert int(torch.linalg.matrix_rank(gradient)) == rank
    for near in (1e-3, 1.0, 100.0):
        other = matrix.detach() + near * draw(5, 6)
        assert torch.linalg.norm(other, "nuc") >= norm + (gradient * (other - matrix)).sum()
