"""What the command line knows by name: learners, sources, models and balancers, without importing.

The tables stand in the rooms; they are read from there.
"""

import ast
import re
import zipfile
from functools import cache
from pathlib import Path

from quickstudy.cli.reader import read, summary
from quickstudy.errors import UserError, require

TABLES = {
    "learners": ("quickstudy.learners", "LEARNERS"),
    "sources": ("quickstudy.tasks.registry", "SOURCES"),
    "models": ("quickstudy.models.registry", "MODELS"),
}
"""The module and the name of each table, which maps names to classes or to their paths."""
OWN = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
"""An import path of the user's, ``package.module:Class``."""
FILES = {".csv": "table", ".parquet": "table", ".npz": "arrays"}
NOT_BY_NAME = ("static", "auto_lambda")
"""Balancers that need more than a name: weights, or validation tasks of the same identities."""


@cache
def table(kind: str) -> dict[str, str]:
    """Give the paths ``"module:Class"`` of all ``kind``, by name."""
    where, name = TABLES[kind]
    module = read(where)
    found = None if module is None else module.find(name)
    assert found is not None, f"there is no table of {kind}"
    entries = next(node for node in ast.walk(found[1]) if isinstance(node, ast.Dict))
    paths = {}
    for key, value in zip(entries.keys, entries.values, strict=True):
        assert isinstance(key, ast.Constant)
        if isinstance(value, ast.Constant):
            paths[str(key.value)] = str(value.value)
        else:
            paths[str(key.value)] = found[0].place(ast.unparse(value))
    return paths


def path_of(kind: str, name: str) -> str:
    """Give the path of the class called ``name``, or ``name`` itself if it is a path.

    Raises:
        UserError: If it is neither.
    """
    known = table(kind)
    if name in known:
        return known[name]
    word = kind.removesuffix("s")
    require(
        bool(OWN.fullmatch(name)),
        f"The {word} should be one of {', '.join(known)}, or your own as package.module:Class. "
        f"Found {name!r}.",
    )
    return name


def lines(kind: str) -> dict[str, str]:
    """Give a line on each of ``kind`` by name."""
    return {name: summary(path) for name, path in table(kind).items()}


def source_of(data: str) -> str:
    """Give the name of the source that ``data`` is: a name itself, or what a path holds.

    Raises:
        UserError: If it is neither a name nor a path that holds tasks.
    """
    if data in table("sources") or OWN.fullmatch(data):
        return data
    path = Path(data)
    ways = (
        f"Option --data should be one of {', '.join(table('sources'))}, a folder of class folders "
        "of images, a .csv, .parquet or .npz file, or your own class as package.module:Class."
    )
    require(path.exists(), f"{ways} Found {data!r}, which is neither a name nor a path.")
    if path.is_dir():
        parts = ("images_background", "images_evaluation")
        sets = [(path / f"{part}.zip").exists() or (path / part).is_dir() for part in parts]
        return "omniglot" if any(sets) else "images"
    kind = FILES.get(path.suffix.lower())
    if kind is None:
        raise UserError(f"{ways} Found the file {path}, which ends in {path.suffix!r}.")
    return kind


def holds_images(data: str) -> bool | None:
    """Say whether ``data`` holds images; None for a class of the user's."""
    source = source_of(data)
    if source == "arrays" and Path(data).is_file():
        return _dimensions(Path(data)) > 2
    if OWN.fullmatch(source):
        return None
    return source in ("glyphs", "omniglot", "images")


def balancers() -> dict[str, bool]:
    """Say of each balancer that is made by its name whether it needs a fixed set of tasks."""
    module = read("quickstudy.balance.names")
    found = None if module is None else module.find("NAMED")
    assert found is not None, "there is no table of balancers"
    entries = next(node for node in ast.walk(found[1]) if isinstance(node, ast.Dict))
    said = {}
    for key, value in zip(entries.keys, entries.values, strict=True):
        assert isinstance(key, ast.Constant) and isinstance(value, ast.Call)
        said[str(key.value)] = len(value.args) > 1
    return {name: fixed for name, fixed in said.items() if name not in NOT_BY_NAME}


def _dimensions(path: Path) -> int:
    """How many axes the array ``x`` of a ``.npz`` file has, from its header."""
    try:
        with zipfile.ZipFile(path) as file, file.open("x.npy") as array:
            shape = re.search(rb"'shape': \(([^)]*)\)", array.read(300))
    except (OSError, KeyError, zipfile.BadZipFile):
        return 0
    return 0 if shape is None else len([part for part in shape[1].split(b",") if part.strip()])


__all__ = ["OWN", "balancers", "holds_images", "lines", "path_of", "source_of", "table"]
