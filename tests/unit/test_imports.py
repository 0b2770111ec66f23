"""Imports go one way: a module knows its own room and the rooms before it, and no file is long."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src"
PACKAGE = "quickstudy"
ORDER = (
    ("errors", "allocator", "cache", "names", "describe", "random"),
    ("targets",),
    ("episode",),
    ("bilevel",),
    ("models",),
    ("tasks",),
    ("learners",),
    ("balance",),
    ("relatedness",),
    ("training",),
    ("ladder",),
    ("reporting",),
    ("estimators", "rl"),
    ("cli",),
)
BASE = ORDER[0]
RANK = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}
EXEMPT = (PACKAGE, f"{PACKAGE}.__main__")
MAX_LINES = 350


def modules() -> dict[str, Path]:
    """Every module by its dotted name."""
    names = {}
    for path in sorted((SOURCE / PACKAGE).rglob("*.py")):
        names[
            ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
        ] = path
    return names


def imported(code: str, module: str, is_package: bool) -> list[tuple[int, str]]:
    """Line and dotted name of all that ``code`` imports from the package, inside functions too."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            parents = parts[: len(parts) - node.level + is_package] if node.level else []
            origin = ".".join([*parents, *filter(None, [node.module])])
            found += [
                (node.lineno, f"{origin}.{alias.name}" if origin == PACKAGE else origin)
                for alias in node.names
            ]
    return [(line, name) for line, name in found if name.split(".")[0] == PACKAGE]


def violations(code: str, module: str, is_package: bool = False) -> list[str]:
    """What ``module`` imports against the direction."""
    own = module.split(".")[1]
    if own not in RANK:
        return [f"{module} is in no room: give '{own}' its place in ORDER"]
    wrong = []
    for line, name in imported(code, module, is_package):
        other = name.partition(".")[2].partition(".")[0]
        allowed = other in RANK and (
            other == own or RANK[other] < RANK[own] or {own, other} <= set(BASE)
        )
        if not allowed:
            wrong.append(f"{module}:{line} imports {name}")
    return wrong


@pytest.mark.parametrize("module", [name for name in modules() if name not in EXEMPT])
def test_imports_go_one_way(module: str) -> None:
    path = modules()[module]
    assert violations(path.read_text("utf-8"), module, path.name == "__init__.py") == []


@pytest.mark.parametrize("module", modules())
def test_no_file_is_long(module: str) -> None:
    assert len(modules()[module].read_text("utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize(
    "code",
    [
        "import quickstudy.learners",
        "from quickstudy.learners.maml import MAML",
        "from quickstudy import learners",
        "from quickstudy import MAML",
        "import quickstudy as qs",
        "from ..learners import maml",
        "from .. import MAML",
        "def f():\n    from quickstudy.cli import main",
        "from quickstudy.unheard_of import x",
    ],
)
def test_a_violation_is_seen(code: str) -> None:
    assert len(violations(code, "quickstudy.tasks.glyphs")) == 1


@pytest.mark.parametrize(
    "code",
    [
        "import torch, random",
        "from quickstudy.episode import Episode",
        "from quickstudy import models",
        "from quickstudy.tasks.source import TaskSource",
        "from .source import TaskSource",
        "from . import source",
        "from ..errors import require",
    ],
)
def test_what_is_allowed_is_allowed(code: str) -> None:
    assert violations(code, "quickstudy.tasks.glyphs") == []


def test_relative_imports_of_a_package_start_at_itself() -> None:
    assert violations("from .glyphs import Glyphs", "quickstudy.tasks", is_package=True) == []
    assert violations("from ..learners import MAML", "quickstudy.tasks", is_package=True) != []


def test_the_two_rooms_of_one_rank_do_not_know_each_other() -> None:
    assert violations("import quickstudy.rl", "quickstudy.estimators") != []


def test_a_module_in_no_room_is_seen() -> None:
    assert violations("", "quickstudy.utils") != []
