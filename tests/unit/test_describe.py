"""An object's description in plain values makes the object again."""

import json

import numpy as np
import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy.describe import build, describe, path_of, recorded, register


def again(thing):
    """The object made again, by way of JSON."""
    return build(json.loads(json.dumps(describe(thing))))


@register
def lines(num_tasks, num_examples, generator):
    x = torch.rand(num_tasks, num_examples, 1, generator=generator)
    return x, torch.randn(num_tasks, 1, 1, generator=generator) * x


SOURCES = {
    "a function": lambda: qs.tasks.SinusoidMetaSGD().episodes(shot=3, query=2),
    "a split": lambda: qs.tasks.Glyphs().split("test").episodes(way=3, shot=1, query=2),
    "turned": lambda: qs.tasks.Glyphs().split("validation").with_rotations().episodes(4, 1, 2),
    "pre-training": lambda: qs.tasks.Glyphs().split("validation").supervised(4),
    "nested": lambda: qs.tasks.Mixture(
        [qs.tasks.Sinusoid().episodes(3, 2), qs.tasks.Line().episodes(3, 2)], noise=0.1
    ),
    "wrapped": lambda: qs.tasks.Grouped(qs.tasks.Sinusoid().episodes(3, 2), 2),
    "by a function": lambda: qs.tasks.Family(lines, 3, 2),
}


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_made_again_draws_the_same_tasks(name):
    source = SOURCES[name]()
    ours = source.sample(3, qs.Moment(1, "x"))
    theirs = again(source).sample(3, qs.Moment(1, "x"))
    for part in ("x", "y", "mask"):
        both = getattr(ours.query, part), getattr(theirs.query, part)
        torch.testing.assert_close(*both, rtol=0, atol=0, equal_nan=True)


def test_data_in_memory_cannot_be_described():
    arrays = qs.tasks.Arrays(np.zeros((12, 2)), np.arange(12) % 3)
    with pytest.raises(qs.UserError, match=r"Data in memory \(ndarray\) cannot be described"):
        describe(arrays.episodes(2, 1, 1))


def test_a_method_cannot_be_described():
    with pytest.raises(qs.UserError, match=r"A method, Line.draw, cannot be described"):
        describe(qs.tasks.Family(qs.tasks.Line().draw, 3, 2))


def test_plain_values_are_themselves():
    values = [None, True, 2, 0.5, "text"]
    assert describe(tuple(values)) == values and build(values) == tuple(values)
    assert type(describe(np.int64(3))) is int and type(describe(np.float32(3))) is float
    table = {"a": 1, "class": [2.0]}
    assert again(table) == {"a": 1, "class": (2.0,)}


@pytest.mark.parametrize(
    "balancer",
    [qs.balance.DWA(3, temperature=1.5), qs.balance.GradNorm(2, alpha=0.5)],
)
def test_a_balancer_made_again_has_its_arguments(balancer):
    other = again(balancer)
    assert type(other) is type(balancer) and describe(other) == describe(balancer)


def test_a_function_is_named():
    assert describe(qs.balance.mean) == {"function": "mean"} and again(qs.balance.mean) is (
        qs.balance.mean
    )


class Slow(qs.MAML):
    """A user's subclass with an argument of its own."""

    def __init__(self, model: nn.Module, patience: int, inner_lr: float = 0.1) -> None:
        super().__init__(model, inner_lr)
        self.patience = patience


class Forgetful(qs.MAML):
    """A user's subclass that does not keep its argument."""

    def __init__(self, model: nn.Module, patience: int) -> None:
        super().__init__(model)


class Anything(nn.Module):
    """A user's network with any arguments."""

    def __init__(self, *sizes: int) -> None:
        super().__init__()


def test_a_users_class_is_made_only_if_the_user_names_it():
    described = describe(Slow(qs.models.MLP(1, 1, hidden=(2,)), patience=3))
    assert described["class"] == path_of(Slow) and described["patience"] == 3
    with pytest.raises(qs.UserError, match=r"Slow is a class of your own: name it, classes=\["):
        build(described)
    for named in (Slow, path_of(Slow)):
        made = build(described, [named])
        assert (type(made), made.patience, made.inner_lr) == (Slow, 3, 0.1)
        assert made.model.hidden == (2,)


def test_a_class_of_a_script_is_found_by_its_name():
    described = describe(Slow(qs.models.MLP(1, 1), 3)) | {"class": "__main__:Slow"}
    assert type(build(described, [Slow])) is Slow


def test_a_registered_class_is_known():
    @register
    class Registered(Slow):
        pass

    learner = Registered(qs.models.MLP(1, 1), 2)
    assert describe(learner)["class"] == "Registered" and type(again(learner)) is Registered


def test_what_cannot_be_described():
    with pytest.raises(qs.UserError, match=r"Forgetful should keep its argument `patience`"):
        describe(Forgetful(qs.models.MLP(1, 1), 3))
    with pytest.raises(qs.UserError, match=r"Anything should name the arguments"):
        describe(Anything(1, 2))
    opaque = describe(qs.ProtoNet(nn.Sequential()), opaque=nn.Module)
    assert opaque["model"] == {"opaque": "torch.nn.modules.container:Sequential"}
    with pytest.raises(qs.UserError, match=r"a module of your own \(Sequential\): pass it as"):
        build(opaque)
    assert isinstance(build(opaque, given={"model": nn.Identity()}).model, nn.Identity)


@pytest.mark.parametrize(
    ("damaged", "message"),
    [
        ({}, "should begin with one of class, call"),
        ({"x": 1}, "should begin with one of class, call"),
        ({"class": "Nothing"}, "Nothing is not known here"),
        ({"class": ["MLP"]}, "not known here"),
        (
            {"class": "MLP", "depth": 3},
            "MLP was described by another version: .* no argument depth",
        ),
        ({"class": "MLP", "inputs": "many"}, "MLP cannot be made again"),
        ({"class": "Conv4", "channels": -4}, "Conv4 "),
        ({"class": "ProtoNet"}, "ProtoNet cannot be made again"),
        ({"class": "os:system"}, "system is a class of your own"),
        ({"call": "download", "of": {"class": "Sinusoid"}}, "should name a recorded method"),
        ({"call": "__class__", "of": {"class": "Sinusoid"}}, "should name a recorded method"),
        ({"call": "split", "of": 3}, "should name a recorded method"),
        ({"mapping": 3}, "mapping is damaged"),
    ],
)
def test_a_damaged_description_is_refused(damaged, message):
    with pytest.raises(qs.UserError, match=message):
        build(damaged)


class Pair:
    """An object whose method makes two."""

    @recorded
    def halves(self, first: int, second: int = 2) -> tuple["Part", "Part"]:
        return Part(first), Part(second)


class Part:
    def __init__(self, size: int) -> None:
        self.length = size


def test_one_of_several_that_a_method_makes():
    second = Pair().halves(1, second=7)[1]
    described = describe(second)
    assert described["item"] == 1 and described["first"] == 1
    assert build(described, [Pair]).length == 7
