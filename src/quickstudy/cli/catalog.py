"""Learners, sources, models and balancers by name, without importing them.

The tables are read from the packages that define them.
"""

import ast
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from quickstudy.cli.module import Found, Module, read_module
from quickstudy.cli.reader import Parameter, signature, summary
from quickstudy.errors import UserError, require

Texts = dict[str, str]
"""Texts by name."""
TABLES = {
    "learners": ("quickstudy.learners", "LEARNERS"),
    "sources": ("quickstudy.tasks.registry", "SOURCES"),
    "models": ("quickstudy.models.registry", "MODELS"),
}
"""The module and the name of each table, which maps names to classes or to their paths."""
OWN = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
"""A user's import path, ``package.module:Class``."""
FILES = {".csv": "table", ".parquet": "table", ".npz": "arrays"}
SETS = ("images_background", "images_evaluation")
"""The two halves of Omniglot, as zips or folders."""
OF_IMAGES = ("glyphs", "omniglot", "images")
"""Sources whose examples are images."""
NOT_BY_NAME = ("static", "auto_lambda")
"""Balancers that need more than a name: weights, or validation tasks of the same identities."""
TIMM = "timm"
"""The package of models that are known by name if it is installed."""


@cache
def table(kind: str) -> Texts:
    """Give the paths ``"module:Class"`` of all ``kind``, by name."""
    module, entries = _entries(*TABLES[kind])
    return {name: _path(module, value) for name, value in entries.items()}


def _entries(where: str, name: str) -> tuple[Module, dict[str, ast.expr]]:
    """Read the entries of the dictionary called ``name``, and its module."""
    module, node = _found(where, name)
    written = next(one for one in ast.walk(node) if isinstance(one, ast.Dict))
    names = [ast.literal_eval(key) for key in written.keys if key is not None]
    return module, dict(zip(names, written.values, strict=True))


def _found(where: str, name: str) -> Found:
    """Find the definition of ``name`` in a module of the package."""
    module = read_module(where)
    found = None if module is None else module.find(name)
    assert found is not None, f"there is no {name} in {where}"
    return found


def _path(module: Module, value: ast.expr) -> str:
    """Give the path that a table holds: written out, or of a class that is imported."""
    return str(value.value) if isinstance(value, ast.Constant) else module.place(ast.unparse(value))


def place_of(kind: str, name: str) -> str:
    """Give the path of the class called ``name``, or ``name`` itself if it is a path.

    The path of a model of timm is ``timm:NAME``.

    Raises:
        UserError: If ``name`` is neither.
    """
    known = table(kind)
    if name in known or OWN.fullmatch(name):
        return known.get(name, name)
    ways = f"The {kind.removesuffix('s')} should be one of {', '.join(known)}, or your own as "
    require(kind == "models", f"{ways}package.module:Class. Found {name!r}.")
    _check_timm(name, f"{ways}package.module:Class, or one of timm")
    return f"{TIMM}:{name}"


def _check_timm(name: str, ways: str) -> None:
    """Raise if timm is not installed, or does not know the model."""
    installed = find_spec(TIMM) is not None
    require(installed, f"{ways} (not installed here: pip install timm). Found {name!r}.")
    from quickstudy.models.registry import model_factory

    model_factory(name)


def options_of(kind: str, name: str) -> list[Parameter]:
    """List the parameters of the constructor of ``name``; a model of timm has no options."""
    place = place_of(kind, name)
    return [] if place.startswith(f"{TIMM}:") else signature(place)


def summaries(kind: str) -> Texts:
    """Give a line on each of ``kind`` by name."""
    return {name: summary(path) for name, path in table(kind).items()}


def source_of(data: str) -> str:
    """Give the name of the source of ``data``, which is a name or a path.

    Raises:
        UserError: If it is neither a name nor a path that holds tasks.
    """
    if data in table("sources") or OWN.fullmatch(data):
        return data
    path = Path(data)
    require(path.exists(), f"{_ways()} Found {data!r}, which is neither a name nor a path.")
    return _source_in(path) if path.is_dir() else _source_of_file(path)


def _source_in(folder: Path) -> str:
    """Tell the folder of Omniglot from other folders of images."""
    sets = ((folder / f"{part}.zip").exists() or (folder / part).is_dir() for part in SETS)
    return "omniglot" if any(sets) else "images"


def _source_of_file(path: Path) -> str:
    kind = FILES.get(path.suffix.lower())
    if kind is None:
        raise UserError(f"{_ways()} Found the file {path}, which ends in {path.suffix!r}.")
    return kind


def _ways() -> str:
    """Write the values that the option of the data takes."""
    return (
        f"Option --data should be one of {', '.join(table('sources'))}, a folder of class folders "
        "of images, a .csv, .parquet or .npz file, or your own class as package.module:Class."
    )


def holds_images(data: str) -> bool | None:
    """Say whether ``data`` holds images; None for a user's class."""
    source = source_of(data)
    if source == "arrays" and Path(data).is_file():
        return _num_axes(Path(data)) > 2
    return None if OWN.fullmatch(source) else source in OF_IMAGES


def draws_tasks(source: str) -> bool:
    """Say whether a user's class draws tasks itself, instead of being data with splits."""
    if not OWN.fullmatch(source):
        return False
    from quickstudy.names import imported
    from quickstudy.tasks import TaskSource

    kind = imported(source)
    return isinstance(kind, type) and issubclass(kind, TaskSource)


def balancers() -> dict[str, bool]:
    """Say of each balancer that is made by its name whether it needs a fixed set of tasks."""
    _, entries = _entries("quickstudy.balance.names", "NAMED")
    names = (name for name in entries if name not in NOT_BY_NAME)
    return {name: _needs_fixed_tasks(entries[name]) for name in names}


def _needs_fixed_tasks(call: ast.expr) -> bool:
    """Say whether the entry of a balancer, a call, has a second argument, which says so."""
    assert isinstance(call, ast.Call)
    return len(call.args) > 1


def _num_axes(path: Path) -> int:
    """Count the axes of the array ``x`` of a ``.npz`` file, from its header."""
    shape = re.search(rb"'shape': \(([^)]*)\)", _header(path))
    return 0 if shape is None else len(re.findall(rb"\d+", shape[1]))


def _header(path: Path) -> bytes:
    """Read the first bytes of the array ``x``; empty if the file has no such array."""
    import zipfile

    try:
        with zipfile.ZipFile(path) as file, file.open("x.npy") as array:
            return array.read(300)
    except (OSError, KeyError, zipfile.BadZipFile):
        return b""


__all__ = [
    "OWN",
    "balancers",
    "draws_tasks",
    "holds_images",
    "options_of",
    "place_of",
    "source_of",
    "summaries",
    "table",
]
