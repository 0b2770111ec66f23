"""Modules of the package, read from their source without importing: torch takes seconds."""

import ast
import collections.abc
import typing
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).resolve().parents[2]
PACKAGE = "quickstudy"
LIBRARIES = {library.__name__: library for library in (typing, collections.abc)}
"""Modules that annotations may be made of."""
Origin = tuple[str, str]
"""The module and the original name of an import."""
NOWHERE: Origin = ("", "")


class Opaque:
    """Represents a type that no option can have."""


@dataclass(frozen=True)
class Module:
    """A module of the package that is read, not imported."""

    name: str
    tree: ast.Module

    def find(self, name: str) -> "Found | None":
        """Find the definition of ``name``, in another module of the package if it is imported."""
        for node in self.tree.body:
            if name in _defined(node):
                return self, node
        return self._find_imported(name)

    def _find_imported(self, name: str) -> "Found | None":
        module, original = self.imports.get(name, NOWHERE)
        origin = read_module(module)
        return None if origin is None else origin.find(original)

    def place(self, name: str) -> str:
        """Give the path of the class called ``name`` here, by the imports only."""
        module, original = self.imports.get(name, (self.name, name))
        inner = read_module(module) if module != self.name and _is_package(module) else None
        return f"{module}:{original}" if inner is None else inner.place(original)

    @cached_property
    def imports(self) -> dict[str, Origin]:
        """Give module and original name of each import by ``from``."""
        found = dict[str, Origin]()
        for node in self.tree.body:
            if isinstance(node, ast.ImportFrom) and not node.level:
                found |= _imported(node)
        return found

    def value(self, node: ast.expr) -> Any:
        """Evaluate an annotation or a default.

        The result is :class:`Opaque` if it is made of other objects.
        """
        try:
            code = compile(ast.Expression(node), self.name, "eval")
            return eval(code, {"__builtins__": {}}, _Names(self))
        except (TypeError, AttributeError, NameError, SyntaxError):
            return Opaque

    def value_or(self, node: ast.expr | None, missing: Any) -> Any:
        """Evaluate an annotation or a default, or give ``missing`` if it is not written."""
        return missing if node is None else self.value(node)


Found = tuple[Module, ast.stmt]
"""A definition, and its module."""


@cache
def read_module(name: str) -> Module | None:
    """Read the module ``name`` of the package; None for a module of another package."""
    path = file_of(name)
    if path is None:
        return None
    return Module(name, ast.parse(path.read_text("utf-8")))


def file_of(name: str) -> Path | None:
    """Find the file of a module of the package."""
    if name.split(".")[0] != PACKAGE:
        return None
    base = SOURCE.joinpath(*name.split("."))
    return _first_file(base / "__init__.py", base.with_suffix(".py"))


def _first_file(*paths: Path) -> Path | None:
    return next((path for path in paths if path.is_file()), None)


def _is_package(name: str) -> bool:
    path = file_of(name)
    return path is not None and path.name == "__init__.py"


def _imported(node: ast.ImportFrom) -> dict[str, Origin]:
    """Give module and original name of each import in a statement."""
    return {alias.asname or alias.name: (str(node.module), alias.name) for alias in node.names}


def _defined(node: ast.stmt) -> list[str]:
    """Name the class, the function or the variables that a statement defines."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return [node.name]
    return [target.id for target in _targets(node) if isinstance(target, ast.Name)]


def _targets(node: ast.stmt) -> list[ast.expr]:
    """Give the targets of an assignment."""
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, ast.AnnAssign) else []


class _Names(dict[str, Any]):
    """The names of a module, each found at its first use."""

    KNOWN: typing.ClassVar[dict[str, Any]] = {
        **{kind.__name__: kind for kind in (int, float, str, bool, tuple, list, dict)},
        "Path": Path,
        "None": None,
    }

    def __init__(self, module: Module) -> None:
        super().__init__()
        self.module = module

    def __missing__(self, name: str) -> Any:
        if name in self.KNOWN:
            return self.KNOWN[name]
        origin, _ = self.module.imports.get(name, NOWHERE)
        library = LIBRARIES.get(origin)
        return self._defined(name) if library is None else getattr(library, name)

    def _defined(self, name: str) -> Any:
        """Give the value of a variable; the value of a class or a function is not known."""
        found = self.module.find(name)
        if found is None:
            return self._of_module(name)
        where, node = found
        return where.value_or(getattr(node, "value", None), Opaque)

    def _of_module(self, name: str) -> Any:
        """Give a module that is imported by ``from package import module as name``."""
        origin = self.module.imports.get(name, NOWHERE)
        module = read_module(".".join(origin))
        return _External(name) if module is None else _Attributes(module)


class _External:
    """A name of another package, and everything under it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> "_External":
        return _External(f"{self._name}.{name}")

    def __repr__(self) -> str:
        return self._name


class _Attributes:
    """The names of a module as attributes."""

    def __init__(self, module: Module) -> None:
        self._names = _Names(module)

    def __getattr__(self, name: str) -> Any:
        return self._names[name]


__all__ = ["Module", "Opaque", "file_of", "read_module"]
