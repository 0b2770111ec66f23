"""Tensors by name, under the prefixes of a checkpoint."""

import torch

from quickstudy.training.named import divided, prefixed, unprefixed


def test_what_was_prefixed_is_found_under_the_prefix():
    one, two = torch.zeros(1), torch.ones(2)
    tensors = prefixed("learner/", {"w": one}) | prefixed("source/", {"w": two})
    assert list(tensors) == ["learner/w", "source/w"]
    assert unprefixed("source/", tensors)["w"] is two and unprefixed("balancer/", tensors) == {}
    # a prefix is taken away once
    assert list(unprefixed("a/", {"a/a/w": one})) == ["a/w"]


def test_tensors_and_plain_values_are_divided():
    tensors, plain = divided({"seen": torch.ones(1), "count": 3, "names": ["a"]})
    assert list(tensors) == ["seen"] and plain == {"count": 3, "names": ["a"]}
