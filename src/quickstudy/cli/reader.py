"""Signatures, read from the source without importing it."""

import ast
import inspect
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from quickstudy.cli.docstring import argument_texts, first_sentence, without_markup
from quickstudy.cli.module import Module, Opaque, file_of, read_module

REQUIRED: Any = inspect.Parameter.empty
"""The default of a parameter without a default."""
NO_CLASS = ast.ClassDef("", [], [], [], [])
MANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True)
class Parameter:
    """A parameter of a constructor.

    Attributes:
        name: Its name.
        type: Its type; :class:`~quickstudy.cli.module.Opaque` for a type that no option can have.
        default: Its default, or :data:`REQUIRED`.
        text: The text in the docstring.
    """

    name: str
    type: Any
    default: Any
    text: str = ""


def signature(path: str) -> list[Parameter]:
    """List the parameters of the class or function at ``path``, ``"package.module:Name"``.

    A class of another package is imported.
    """
    found = _Definition.at(path)
    return _live_at(path) if found is None else list(found.parameters())


def _live_at(path: str) -> list[Parameter]:
    from quickstudy.names import imported

    return live(imported(path))


def summary(path: str) -> str:
    """Give the first sentence of the docstring of the class or function at ``path``.

    It is found by a text search, because parsing all files of a table takes a quarter of a second.
    """
    module, _, name = path.partition(":")
    file = file_of(module)
    if file is None:
        return ""
    definition = rf'^(?:class|def) {name}\b[^\n]*(?:\n[^\n"]*)*?"""(.*?)(?:\n\n|""")'
    found = re.search(definition, file.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return "" if found is None else first_sentence(without_markup(found[1]))


def method(path: str, name: str) -> list[Parameter] | None:
    """List the parameters of a method of the class at ``path``; None if it is not known."""
    found = _method_at(path, name)
    return None if found is None else list(found.parameters())


def returned(path: str, name: str) -> str | None:
    """Give the path of the class that a method returns; None if it is not annotated."""
    found = _method_at(path, name)
    if found is None or found.returns is None:
        return None
    word = ast.unparse(found.returns).strip("'\"")
    place = found.module.find(word)
    return None if place is None else f"{place[0].name}:{word}"


def live(thing: Any) -> list[Parameter]:
    """List the parameters of a class or function that is imported."""
    hints, texts = _hints(thing), argument_texts(inspect.getdoc(thing) or "")
    return [
        Parameter(one.name, hints.get(one.name, Opaque), one.default, texts.get(one.name, ""))
        for one in inspect.signature(thing).parameters.values()
        if one.kind not in MANY
    ]


def _hints(thing: Any) -> dict[str, Any]:
    """Give the types of the parameters, as far as they can be found."""
    try:
        return typing.get_type_hints(thing.__init__ if inspect.isclass(thing) else thing)
    except (NameError, TypeError):
        return {}


@dataclass(frozen=True)
class _Definition:
    """A class or a function in the source of a module."""

    module: Module
    node: ast.ClassDef | ast.FunctionDef

    @classmethod
    def at(cls, path: str) -> "_Definition | None":
        """Find the definition at ``path``; None if it is not in the package."""
        where, _, name = path.partition(":")
        module = read_module(where)
        return None if module is None else cls.called(name, module)

    @classmethod
    def called(cls, name: str, module: Module) -> "_Definition | None":
        """Find the definition that is called ``name`` in ``module``."""
        where, node = module.find(name) or (module, None)
        return cls(where, node) if isinstance(node, ast.ClassDef | ast.FunctionDef) else None

    @property
    def docstring(self) -> str:
        """Its docstring."""
        return ast.get_docstring(self.node) or ""

    @property
    def returns(self) -> ast.expr | None:
        """The type that a function returns, if it is annotated."""
        return self.node.returns if isinstance(self.node, ast.FunctionDef) else None

    def bases(self) -> Iterator["_Definition"]:
        """Give the base classes that are in the package, each followed by its base classes."""
        for written in map(ast.unparse, self._class.bases):
            base = _Definition.called(written, self.module)
            if base is not None:
                yield from (base, *base.bases())

    @property
    def _class(self) -> ast.ClassDef:
        """The class; an empty one if it is a function."""
        return self.node if isinstance(self.node, ast.ClassDef) else NO_CLASS

    def texts(self) -> dict[str, str]:
        """Give the texts of the arguments, including arguments that only a base has."""
        found: dict[str, str] = {}
        for one in (*self.bases(), self):
            found |= argument_texts(one.docstring)
        return found

    def method(self, name: str) -> "_Definition | None":
        """Find a method, here or in a base."""
        methods = (method for cls in (self, *self.bases()) for method in cls._methods())
        return next((method for method in methods if method.node.name == name), None)

    def _methods(self) -> Iterator["_Definition"]:
        """Give the methods that are written in the class itself."""
        for child in self._class.body:
            if isinstance(child, ast.FunctionDef):
                yield _Definition(self.module, child)

    def parameters(self) -> Iterator[Parameter]:
        """Give the parameters of a function or a constructor, or the fields of a dataclass."""
        if isinstance(self.node, ast.FunctionDef):
            yield from self.arguments(self.texts())
            return
        constructor = self.method("__init__")
        if constructor is None:
            yield from self.fields().values()
        else:
            yield from list(constructor.arguments(self.texts()))[1:]

    def arguments(self, texts: Mapping[str, str]) -> Iterator[Parameter]:
        """Give the arguments of a function."""
        assert isinstance(self.node, ast.FunctionDef)
        for one, written in _with_defaults(self.node.args):
            kind = self.module.value_or(one.annotation, Opaque)
            default = self.module.value_or(written, REQUIRED)
            yield Parameter(one.arg, kind, default, texts.get(one.arg, ""))

    def fields(self) -> dict[str, Parameter]:
        """Give the fields of a dataclass by name, those of its bases last, as a help shows them."""
        texts, found = self.texts(), dict[str, Parameter]()
        for cls in (self, *self.bases()):
            for field in cls._own_fields(texts):
                found.setdefault(field.name, field)
        return found

    def _own_fields(self, texts: Mapping[str, str]) -> Iterator[Parameter]:
        """Give the fields that are written in the class itself."""
        for child, after in pairwise([*self.node.body, None]):
            if isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name):
                name = child.target.id
                field = self._field(child, name, _said(after) or texts.get(name, ""))
                if _is_field(field):
                    yield field

    def _field(self, node: ast.AnnAssign, name: str, text: str) -> Parameter:
        """Give the parameter for an attribute of a class."""
        kind = self.module.value(node.annotation)
        return Parameter(name, kind, self.module.value_or(node.value, REQUIRED), text)


def _is_field(one: Parameter) -> bool:
    """Say whether an attribute is a field with a plain default."""
    return typing.get_origin(one.type) is not typing.ClassVar and one.default is not Opaque


def _method_at(path: str, name: str) -> _Definition | None:
    """Find a method of the class at ``path``."""
    found = _Definition.at(path)
    return None if found is None else found.method(name)


def _with_defaults(given: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    """Give every argument with the default that is written for it."""
    named = [*given.posonlyargs, *given.args]
    missing: list[ast.expr | None] = [None] * (len(named) - len(given.defaults))
    yield from zip(named, [*missing, *given.defaults], strict=True)
    yield from zip(given.kwonlyargs, given.kw_defaults, strict=True)


def _said(node: ast.stmt | None) -> str:
    """Give the text of a statement that is a docstring, under a field."""
    value = node.value if isinstance(node, ast.Expr) else None
    return without_markup(str(value.value)) if isinstance(value, ast.Constant) else ""


__all__ = ["REQUIRED", "Parameter", "live", "method", "returned", "signature", "summary"]
