"""The norm of tasks: its statistics, and batch norms replaced by it."""

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy.models.norm import TaskNorm, forward, has_task_norm, replace_batch_norm
from tests.laws.battery import close

SHAPES = [(6, 4), (5, 4, 3), (5, 4, 3, 2)]


def norm(features: int = 4) -> TaskNorm:
    module = TaskNorm(features).double()
    nn.init.normal_(module.weight, generator=qs.generator(0, "weight"))
    nn.init.normal_(module.bias, generator=qs.generator(0, "bias"))
    return module


def draw(shape: tuple[int, ...], purpose: str = "x") -> torch.Tensor:
    return 3 * torch.randn(shape, generator=qs.generator(0, purpose), dtype=torch.float64) + 1


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("affine", [True, False])
def test_it_is_batch_norm_in_training_mode(shape, affine):
    batch_norm = [nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d][len(shape) - 2](
        4, eps=1e-3, affine=affine
    ).double()
    x = draw(shape)
    expected = batch_norm(x)
    replaced = replace_batch_norm(batch_norm)
    close(replaced(x), expected)
    close(forward(replaced, {}, x, record=True)[0], expected)
    close(forward(replaced, {}, x, mask=torch.ones(len(x)))[0], expected)
    assert not dict(replaced.named_buffers())


@pytest.mark.parametrize("shape", SHAPES)
def test_padding_does_not_count(shape):
    x, module = draw(shape), norm()
    padded = torch.cat([50 * draw(shape, "garbage")[:2], x])
    mask = torch.cat([torch.zeros(2), torch.ones(len(x))])
    output, statistics = forward(module, {}, padded, mask, record=True)
    expected, expected_statistics = forward(module, {}, x, record=True)
    close(output[2:], expected)
    close(statistics, expected_statistics)
    close(expected, module(x))


@pytest.mark.parametrize("shape", SHAPES)
def test_statistics_of_the_support_normalise_the_query(shape):
    module, support, query = norm(), draw(shape), draw((3, *shape[1:]), "query")
    statistics = forward(module, {}, support, record=True)[1]
    axes = [0, *range(2, len(shape))]
    mean, variance = support.mean(axes), support.var(axes, correction=0)
    close(statistics, (mean, variance))
    turned = query.transpose(1, -1)
    by_hand = (
        module.weight * (turned - mean) / (variance + module.eps).sqrt() + module.bias
    ).transpose(1, -1)
    close(forward(module, {}, query, statistics=statistics)[0], by_hand)


def test_a_single_example_has_variance_zero_padded_or_not():
    module, x = norm(), draw((1, 4))
    close(module(x), module.bias.unsqueeze(0))
    close(forward(module, {}, x, mask=torch.ones(1))[0], module(x))


def test_statistics_are_told_apart_in_the_order_of_the_calls():
    model = nn.Sequential(norm(), nn.Tanh(), norm())
    support, query = draw((6, 4)), draw((3, 4), "query")
    statistics = forward(model, {}, support, record=True)[1]
    assert len(statistics) == 4
    middle = forward(model[0], {}, query, statistics=statistics[:2])[0].tanh()
    close(
        forward(model, {}, query, statistics=statistics)[0],
        forward(model[2], {}, middle, statistics=statistics[2:])[0],
    )


def test_given_weights_take_the_place_of_the_modules_own():
    module, x = norm(), draw((6, 4))
    weights = {
        "weight": torch.full((4,), 2.0, dtype=torch.float64),
        "bias": torch.zeros(4, dtype=torch.float64),
    }
    close(
        forward(module, weights, x)[0],
        2 * (x - x.mean(0)) / (x.var(0, correction=0) + module.eps).sqrt(),
    )


def test_replacing_keeps_parameters_and_names():
    model = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.BatchNorm1d(4)))
    names, weight = [name for name, _ in model.named_parameters()], model[1][0].weight
    assert not has_task_norm(model)
    assert replace_batch_norm(model) is model
    assert has_task_norm(model)
    assert [name for name, _ in model.named_parameters()] == names
    assert model[1][0].weight is weight
