"""Normalisation by the batch's own statistics, against its definition and torch's."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import quickstudy as qs
from quickstudy.models.normalise import normalise
from tests.laws.battery import close

SHAPES = [(7, 3), (4, 3, 8), (5, 4, 6, 6)]


def by_definition(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    axes, shape = [0, *range(2, x.ndim)], (-1, *[1] * (x.ndim - 2))
    variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
    return (x - mean) / (variance + 1e-5).sqrt() * weight.reshape(shape) + bias.reshape(shape)


def ours(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return normalise(x, weight, bias, 1e-5)


def torchs(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return F.batch_norm(x, None, None, weight, bias, True, eps=1e-5)


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=qs.generator(sum(shape), "normalise"), dtype=torch.float64)


def inputs(shape: tuple[int, ...], layout: torch.memory_format) -> list[Tensor]:
    x = drawn(*shape)
    weight = drawn(shape[1])
    weight[0] = 0.0  # a feature that is switched off still has derivatives
    x = x.contiguous(memory_format=layout) if x.ndim == 4 else x
    return [value.requires_grad_() for value in (x, weight, drawn(shape[1] + 1)[1:])]


def derivatives(
    function, arguments: list[Tensor], order: int, last_plain: bool = True
) -> list[Tensor]:
    """The derivatives of a scalar of ``function``, order after order.

    The last one is taken without a graph, as outer gradients take it.
    """
    scalar, found = (function(*arguments).tanh() * drawn(*arguments[0].shape)).sum(), []
    for index in range(order):
        gradients = torch.autograd.grad(
            scalar, arguments, create_graph=index < order - 1 or not last_plain
        )
        found += gradients
        scalar = sum(
            (g.sin() * torch.arange(g.numel(), dtype=g.dtype).reshape(g.shape).cos()).sum()
            for g in gradients
        )
    return found


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_value_and_two_derivatives_are_torchs(shape, layout):
    arguments = inputs(shape, layout)
    close(ours(*arguments), torchs(*arguments))
    close(derivatives(ours, arguments, 2), derivatives(torchs, arguments, 2))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("shape", SHAPES)
def test_three_derivatives_are_those_of_the_definition(shape, layout):
    arguments = inputs(shape, layout)
    close(
        derivatives(ours, arguments, 3, False),
        derivatives(by_definition, arguments, 3, False),
        1e-8,
    )


@pytest.mark.parametrize("mapped", [(True, True, True), (True, False, True), (False, True, False)])
def test_mapped_over_tasks_it_is_one_task_after_another(mapped):
    arguments = [
        drawn(3, *value.shape).requires_grad_() if own else value
        for own, value in zip(mapped, inputs(SHAPES[2], torch.contiguous_format), strict=True)
    ]
    axes = tuple(0 if own else None for own in mapped)
    at = [
        [value[task] if own else value for own, value in zip(mapped, arguments, strict=True)]
        for task in range(3)
    ]
    together = derivatives(
        lambda *a: torch.vmap(ours, in_dims=axes)(*a).sum(0, keepdim=arguments[0].ndim == 5),
        arguments,
        2,
    )
    alone = derivatives(
        lambda *a: torch.stack([ours(*own) for own in at]).sum(0, keepdim=arguments[0].ndim == 5),
        arguments,
        2,
    )
    close(together, alone)


def test_a_gradient_by_one_argument_alone():
    x, weight, bias = inputs(SHAPES[0], torch.contiguous_format)
    for asked in (x, weight, bias):
        values = [value if value is asked else value.detach() for value in (x, weight, bias)]
        close(*[torch.autograd.grad(f(*values).square().sum(), asked)[0] for f in (ours, torchs)])


def test_with_a_graph_too_by_one_argument_alone():
    x, weight, bias = inputs(SHAPES[2], torch.contiguous_format)
    for asked in (x, weight):
        values = [value if value is asked else value.detach() for value in (x, weight, bias)]
        found = []
        for function in (ours, by_definition):
            first = torch.autograd.grad(
                function(*values).tanh().square().sum(), asked, create_graph=True
            )[0]
            found.append(torch.autograd.grad(first.square().sum(), asked, create_graph=True)[0])
        close(*found)


def test_under_the_transforms_of_torch_func():
    x, weight, bias = (value.detach() for value in inputs(SHAPES[0], torch.contiguous_format))
    several = torch.stack([x, x.flip(0) ** 2])
    results = []
    for function in (ours, by_definition):

        def penalty(x, function=function):
            return (
                torch.func.grad(lambda x: function(x, weight, bias).tanh().square().sum())(x)
                .square()
                .sum()
            )

        jacobian = torch.func.jacrev(lambda x, function=function: function(x, weight, bias))(x)
        results.append(
            (
                torch.func.grad(penalty)(x),
                torch.func.vmap(torch.func.grad(penalty))(several),
                jacobian,
            )
        )
    close(results[0], results[1])
