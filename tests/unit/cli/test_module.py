"""Modules read from their source without importing."""

import typing
from pathlib import Path

from quickstudy.cli.module import Opaque, file_of, read_module

REGISTRY = "quickstudy.models.registry"


def test_files_of_the_package():
    assert file_of("quickstudy.models").name == "__init__.py"
    assert file_of(REGISTRY).name == "registry.py"
    assert file_of("torch.nn") is None and file_of("quickstudy.nothing") is None
    assert read_module("torch.nn") is None


def test_a_name_is_found_where_it_is_defined():
    where, node = read_module("quickstudy.models").find("MLP")
    assert (where.name, node.name) == ("quickstudy.models.mlp", "MLP")
    assert read_module(REGISTRY).find("Nothing") is None


def test_a_place_is_told_by_the_imports():
    assert read_module(REGISTRY).place("MLP") == "quickstudy.models.mlp:MLP"
    assert read_module("quickstudy.cli.train").place("Asked") == "quickstudy.cli.asked:Asked"
    assert read_module(REGISTRY).place("model_factory") == f"{REGISTRY}:model_factory"


def test_annotations_and_defaults_are_evaluated():
    import ast

    module = read_module("quickstudy.cli.options")

    def value(text):
        return module.value(ast.parse(text, mode="eval").body)

    assert value("int | None") == int | None and value("(1, 2.5, 'a')") == (1, 2.5, "a")
    assert value("Literal['a', 'b']") == typing.Literal["a", "b"]
    assert value("Run") == typing.Annotated[Path, "Positional"]
    assert value("Option") is Opaque and value("1 + 'a'") is Opaque
    assert module.value_or(None, 3) == 3
