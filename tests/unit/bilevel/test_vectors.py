"""Vectors in pieces against one flat vector."""

import torch
from torch import Tensor

from quickstudy.bilevel.vectors import along, derivative, dot, minus, plus, zeros
from tests.laws.battery import close
from tests.unit.bilevel.problems import drawn


def pieces(name: str) -> list[Tensor]:
    """A vector of three tasks in a matrix, a vector and a number for each."""
    return [drawn(3, 2, 2, name=name), drawn(3, 4, name=f"{name} 1"), drawn(3, name=f"{name} 2")]


def flat(vector: list[Tensor]) -> Tensor:
    return torch.cat([value.reshape(3, -1) for value in vector], 1)


def test_sums_differences_and_zeros():
    a, b = pieces("a"), pieces("b")
    close(flat(plus(a, b)), flat(a) + flat(b))
    close(flat(minus(a, b)), flat(a) - flat(b))
    close(flat(plus(zeros(a), b)), flat(b))


def test_the_dot_product_of_every_task_or_of_all():
    a, b = pieces("a"), pieces("b")
    close(dot(a, b, 1), (flat(a) * flat(b)).sum(1))
    close(dot(a, b, 0), (flat(a) * flat(b)).sum())
    number = torch.tensor(3.0)
    close(dot([number], [number], 0), torch.tensor(9.0))


def test_every_task_goes_its_own_length():
    a, b, length = pieces("a"), pieces("b"), drawn(3, name="length")
    close(flat(along(a, length, b)), flat(a) + length.unsqueeze(1) * flat(b))
    close(flat(along(a, length[0], b)), flat(a) + length[0] * flat(b))
    two, three = torch.tensor(2.0), torch.tensor(3.0)
    close(along([two], three, [two]), [torch.tensor(8.0)])


def test_a_derivative_is_zero_if_the_outputs_do_not_depend_on_the_input():
    x, y = torch.tensor(3.0, requires_grad=True), torch.tensor(5.0, requires_grad=True)
    square = x**2
    for _ in range(2):
        found = derivative([square], [x, y], [torch.tensor(7.0)], retain_graph=True)
        assert [value.item() for value in found] == [42, 0]
