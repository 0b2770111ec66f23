"""Signatures and docstrings, read from the source without importing it: torch takes seconds."""

import ast
import collections.abc
import inspect
import re
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).resolve().parents[2]
PACKAGE = "quickstudy"
REQUIRED: Any = inspect.Parameter.empty
"""The default of a parameter that has none."""
Definition = ast.ClassDef | ast.FunctionDef


class Opaque:
    """Stands for a type that no option can have."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a constructor.

    Attributes:
        name: Its name.
        type: Its type; :class:`Opaque` for one that no option can have.
        default: Its default, or :data:`REQUIRED`.
        text: What the docstring says of it.
    """

    name: str
    type: Any
    default: Any
    text: str = ""


@dataclass(frozen=True)
class Module:
    """A module of the package that is read, not imported."""

    name: str
    tree: ast.Module
    is_package: bool

    def find(self, name: str) -> tuple["Module", ast.stmt] | None:
        """Find the definition of ``name``, in another module of the package if it is imported."""
        for node in self.tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
                return self, node
            if name in _assigned(node):
                return self, node
        origin = self.imports.get(name)
        module = None if origin is None else read(origin[0])
        return None if module is None or origin is None else module.find(origin[1])

    def place(self, name: str) -> str:
        """Give the path of the class called ``name`` here, by the imports only."""
        module, original = self.imports.get(name, (self.name, name))
        path = _file(module)
        package = module != self.name and path is not None and path.name == "__init__.py"
        inner = read(module) if package else None
        return f"{module}:{original}" if inner is None else inner.place(original)

    @cached_property
    def imports(self) -> dict[str, tuple[str, str]]:
        """Give module and original name of all that is imported by ``from``."""
        found = {}
        for node in self.tree.body:
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    found[alias.asname or alias.name] = (node.module, alias.name)
        return found

    def value(self, node: ast.expr) -> Any:
        """Evaluate an annotation or a default; :class:`Opaque` if it is made of other objects."""
        try:
            code = compile(ast.Expression(node), self.name, "eval")
            return eval(code, {"__builtins__": {}}, _Names(self))
        except (TypeError, AttributeError, NameError, SyntaxError):
            return Opaque


@cache
def read(name: str) -> Module | None:
    """Read the module ``name`` of the package; None for another's."""
    path = _file(name)
    if path is None:
        return None
    return Module(name, ast.parse(path.read_text("utf-8")), path.name == "__init__.py")


def _file(name: str) -> Path | None:
    """Find the file of a module of the package."""
    if name.split(".")[0] != PACKAGE:
        return None
    base = SOURCE.joinpath(*name.split("."))
    files = (base / "__init__.py", base.with_suffix(".py"))
    return next((path for path in files if path.is_file()), None)


def parameters(path: str) -> list[Parameter]:
    """List the parameters of the class or function at ``path``, ``"package.module:Name"``.

    A class of another package is imported.
    """
    found = _definition(path)
    if found is None:
        from quickstudy.describe import imported

        return live(imported(path))
    return list(_parameters(*found))


def summary(path: str) -> str:
    """Give the first sentence of the docstring of the class or function at ``path``.

    It is searched for in the text: to parse all files of a table takes a quarter of a second.
    """
    module, _, name = path.partition(":")
    file = _file(module)
    if file is None:
        return ""
    definition = rf'^(?:class|def) {name}\b[^\n]*(?:\n[^\n"]*)*?"""(.*?)(?:\n\n|""")'
    found = re.search(definition, file.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    text = "" if found is None else plain(found[1])
    return re.split(r"(?<=\.) (?=[A-Z])", text)[0]


def method(path: str, name: str) -> list[Parameter] | None:
    """List the parameters of a method of the class at ``path``; None if it is not known."""
    found = _definition(path)
    at = None if found is None else _method(*found, name)
    return None if at is None else list(_of_function(*at))


def returned(path: str, name: str) -> str | None:
    """Give the path of the class that a method returns; None if it does not say."""
    found = _definition(path)
    at = None if found is None else _method(*found, name)
    if at is None or at[1].returns is None:
        return None
    word = ast.unparse(at[1].returns).strip("'\"")
    place = at[0].find(word)
    return None if place is None else f"{place[0].name}:{word}"


def live(thing: Any) -> list[Parameter]:
    """List the parameters of a class or function that is imported."""
    target = thing.__init__ if inspect.isclass(thing) else thing
    try:
        hints = typing.get_type_hints(target)
    except (NameError, TypeError):
        hints = {}
    texts = arguments_of(inspect.getdoc(thing) or "")
    found = []
    for name, one in inspect.signature(thing).parameters.items():
        if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD):
            kind = hints.get(name, Opaque)
            found.append(Parameter(name, kind, one.default, texts.get(name, "")))
    return found


def plain(text: str) -> str:
    """Take the markup out of a docstring's text."""
    text = re.sub(r":\w+:`~?(?:[\w.]*\.)?([^`]+)`", r"\1", text)
    return " ".join(text.replace("``", "").replace("`", "").split())


def arguments_of(docstring: str) -> dict[str, str]:
    """Give the texts of the ``Args:`` of a docstring by name."""
    section = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", docstring, re.MULTILINE | re.DOTALL)
    entries = [] if section is None else re.split(r"^    (?=\*{0,2}\w+:)", section[1], flags=re.M)
    pairs = [entry.partition(":") for entry in entries if ":" in entry]
    return {name.strip("* "): plain(text) for name, _, text in pairs}


def _definition(path: str) -> tuple[Module, Definition] | None:
    module, _, name = path.partition(":")
    start = read(module)
    found = None if start is None else start.find(name)
    if found is None or not isinstance(found[1], ast.ClassDef | ast.FunctionDef):
        return None
    return found[0], found[1]


def _bases(module: Module, node: ast.ClassDef) -> Iterator[tuple[Module, ast.ClassDef]]:
    """The base classes that are of the package, with theirs."""
    for base in node.bases:
        found = module.find(ast.unparse(base))
        if found is not None and isinstance(found[1], ast.ClassDef):
            yield found[0], found[1]
            yield from _bases(found[0], found[1])


def _method(module: Module, node: Definition, name: str) -> tuple[Module, ast.FunctionDef] | None:
    if isinstance(node, ast.FunctionDef):
        return None
    for where, cls in ((module, node), *_bases(module, node)):
        for child in cls.body:
            if isinstance(child, ast.FunctionDef) and child.name == name:
                return where, child
    return None


def _parameters(module: Module, node: Definition) -> Iterator[Parameter]:
    if isinstance(node, ast.FunctionDef):
        yield from _of_function(module, node, _texts(module, node))
        return
    at = _method(module, node, "__init__")
    if at is None:
        yield from _fields(module, node)
    else:
        yield from list(_of_function(*at, _texts(module, node)))[1:]


def _texts(module: Module, node: Definition) -> dict[str, str]:
    """What the docstring says of the arguments; of those that it leaves out, what a base says."""
    own = arguments_of(ast.get_docstring(node) or "")
    if isinstance(node, ast.ClassDef):
        for _, base in reversed(list(_bases(module, node))):
            own = arguments_of(ast.get_docstring(base) or "") | own
    return own


def _of_function(
    module: Module, node: ast.FunctionDef, texts: dict[str, str] | None = None
) -> Iterator[Parameter]:
    texts = arguments_of(ast.get_docstring(node) or "") if texts is None else texts
    named = [*node.args.posonlyargs, *node.args.args]
    missing: list[ast.expr | None] = [None] * (len(named) - len(node.args.defaults))
    pairs = [
        *zip(named, [*missing, *node.args.defaults], strict=True),
        *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True),
    ]
    for argument, default in pairs:
        kind = Opaque if argument.annotation is None else module.value(argument.annotation)
        value = REQUIRED if default is None else module.value(default)
        yield Parameter(argument.arg, kind, value, texts.get(argument.arg, ""))


def _fields(module: Module, node: ast.ClassDef) -> Iterator[Parameter]:
    """The fields of a dataclass, those of its bases first."""
    texts = _texts(module, node)
    found: dict[str, Parameter] = {}
    for where, cls in reversed([(module, node), *_bases(module, node)]):
        for child, after in zip(cls.body, [*cls.body[1:], None], strict=True):
            if isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name):
                name = child.target.id
                kind = where.value(child.annotation)
                value = REQUIRED if child.value is None else where.value(child.value)
                text = _said(after) or texts.get(name, "")
                if typing.get_origin(kind) is not typing.ClassVar and value is not Opaque:
                    found[name] = Parameter(name, kind, value, text)
    yield from found.values()


def _said(node: ast.stmt | None) -> str:
    """The text of a statement that is a docstring, under a field."""
    value = node.value if isinstance(node, ast.Expr) else None
    return plain(str(value.value)) if isinstance(value, ast.Constant) else ""


def _assigned(node: ast.stmt) -> tuple[str, ...]:
    """The names that a statement assigns."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign):
        targets = [node.target]
    return tuple(target.id for target in targets if isinstance(target, ast.Name))


class _Names(dict[str, Any]):
    """The names of a module, each found when it is asked for."""

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
        for library in (typing, collections.abc):
            if self.module.imports.get(name, ("",))[0] == library.__name__:
                return getattr(library, name)
        found = self.module.find(name)
        if found is None:
            return self._of_module(name)
        where, node = found
        value = getattr(node, "value", None)
        return Opaque if value is None else where.value(value)

    def _of_module(self, name: str) -> Any:
        """A module that is imported by ``from package import module as name``."""
        origin = self.module.imports.get(name, ("", ""))
        module = read(".".join(origin))
        return _External(name) if module is None else _Attributes(module)


class _External:
    """A name of another package, and all that is under it."""

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


__all__ = [
    "REQUIRED",
    "Opaque",
    "Parameter",
    "arguments_of",
    "live",
    "method",
    "parameters",
    "plain",
    "read",
    "returned",
    "summary",
]
