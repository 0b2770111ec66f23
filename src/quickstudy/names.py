"""Names of classes and functions in descriptions."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from operator import attrgetter
from typing import Any, TypeVar

from quickstudy.errors import UserError, require

C = TypeVar("C", bound=Callable[..., Any])

_KNOWN: dict[str, Any] = {}
_ARGUMENTS: dict[Any, tuple[str, ...]] = {}


class UndescribableError(UserError):
    """An object cannot be described in plain values."""


def registered() -> Mapping[str, Any]:
    """Give all registered classes and functions by name."""
    return _KNOWN


def register(thing: C, name: str | None = None, arguments: Iterable[str] | None = None) -> C:
    """Let descriptions name your class or function: ``@qs.register`` above its definition.

    Args:
        thing: The class or function.
        name: The name in descriptions; by default the name of the class or function.
        arguments: The names of the constructor's arguments that are described, by default all.

    Raises:
        UserError: If the name is taken by something else.

    Example:
        >>> import quickstudy as qs
        >>> @qs.register
        ... class Patient(qs.MAML):
        ...     "MAML with a rate of its own."
        >>> qs.describe.describe(Patient(qs.models.MLP(1, 1)))["class"]
        'Patient'
    """
    called = thing.__name__ if name is None else name
    _check_free(called, thing)
    _KNOWN[called] = thing
    if arguments is not None:
        _ARGUMENTS[thing] = tuple(arguments)
    return thing


def _check_free(name: str, thing: Any) -> None:
    """Raise if ``name`` is taken by something other than ``thing``."""
    before = _KNOWN.get(name, thing)
    require(
        path_of(before) == path_of(thing),
        f"Parameter `name` should be new. Found {name!r}, which is {path_of(before)}: "
        "register(cls, name=...) gives it another.",
    )


def path_of(thing: Any) -> str:
    """Give the import path of a class or function, ``"package.module:Class"``."""
    return f"{thing.__module__}:{thing.__qualname__}"


def imported(path: str) -> Any:
    """Import the class or function that a *user* names by its path, ``"package.module:Class"``.

    Raises:
        UserError: If it is not such a path, or nothing is found there.
    """
    module, colon, name = path.partition(":")
    require(
        bool(module and colon and name),
        f"An import path should be package.module:Class. Found {path!r}.",
    )
    try:
        return attrgetter(name)(import_module(module))
    except (ImportError, AttributeError) as error:
        raise UserError(f"{path} should name a class. It cannot be imported: {error}.") from error


def name_of(thing: Any) -> str:
    """Give the registered name of a class or function, else its import path."""
    named = {id(value): name for name, value in _KNOWN.items()}
    return named.get(id(thing), path_of(thing))


def arguments_of(kind: type) -> tuple[str, ...]:
    """Name the constructor's arguments of a class."""
    if kind in _ARGUMENTS:
        return _ARGUMENTS[kind]
    parameters = _parameters(kind)
    if any(one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD) for one in parameters.values()):
        raise UndescribableError(
            f"{kind.__name__} should name the arguments of its constructor to be described. Found "
            "any number."
        )
    return tuple(parameters)


def _parameters(kind: type) -> Mapping[str, inspect.Parameter]:
    """Give the parameters of the constructor of a class."""
    try:
        return inspect.signature(kind).parameters
    except (TypeError, ValueError):
        raise UndescribableError(f"A {kind.__name__} is no plain value.") from None


__all__ = [
    "UndescribableError",
    "arguments_of",
    "imported",
    "name_of",
    "path_of",
    "register",
    "registered",
]
