"""Roots of an identity and a matrix: known factors, many at once."""

import torch

from quickstudy.learners.priors.roots import identity, root_beside_one


def test_the_identity_has_the_size_and_the_dtype_of_the_last_axis():
    found = identity(torch.zeros(4, 2, 3, dtype=torch.float64))
    torch.testing.assert_close(found, torch.eye(3, dtype=torch.float64), rtol=0, atol=0)


def test_the_root_of_a_number_is_that_of_one_more():
    found = root_beside_one(torch.tensor([[[3.0]], [[8.0]]]))
    assert found.flatten().tolist() == [2.0, 3.0]


def test_the_root_is_lower_triangular_and_gives_the_matrix_back():
    matrix = torch.tensor([[3.0, 2.0], [2.0, 4.0]])
    expected = torch.tensor([[2.0, 0.0], [1.0, 2.0]])
    torch.testing.assert_close(root_beside_one(matrix), expected, rtol=0, atol=0)
