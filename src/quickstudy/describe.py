"""Descriptions: an object in plain values, and the object rebuilt from them.

Every learner, model, source, target, part and balancer is described by the arguments of its
constructor, which it keeps as attributes of the same names. A description holds names, never code:
a class is found among the registered classes, or among the classes that the caller gives.
"""

import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from numbers import Integral, Real
from typing import Any, TypeVar, cast

from quickstudy.errors import UserError, first_line, require
from quickstudy.names import (
    UndescribableError,
    arguments_of,
    imported,
    name_of,
    path_of,
    register,
    registered,
)

Description = dict[str, Any]
Arguments = Mapping[str, Any]
"""Values by the names of parameters."""
Opaque = type | tuple[type, ...]
"""Types that are named if they cannot be described."""
C = TypeVar("C", bound=Callable[..., Any])

KINDS = ("class", "call", "function", "mapping", "opaque")
"""The first key of a description."""
_FAILURES = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""Errors of a constructor that is given the values of a damaged file."""


@dataclass(frozen=True)
class Call:
    """The call of a method that an object came from.

    Attributes:
        of: The object whose method was called.
        method: The name of the method, which is :func:`recorded`.
        arguments: Its arguments by name.
        item: The place of the object among several that the method gives.
    """

    of: object
    method: str
    arguments: Arguments
    item: int | None = None

    def keep(self, result: object) -> None:
        """Attach the call to the object or objects that it made."""
        if isinstance(result, tuple):
            for item, part in enumerate(result):
                replace(self, item=item).keep(part)
        else:
            object.__setattr__(result, "_made_by", self)

    def told(self, opaque: Opaque) -> Description:
        """Describe the call."""
        item = {} if self.item is None else {"item": self.item}
        arguments = {name: describe(value, opaque) for name, value in self.arguments.items()}
        return {"call": self.method, "of": describe(self.of, opaque), **item, **arguments}


def recorded(method: C) -> C:
    """Describe the objects that ``method`` makes by the call: a decorator.

    A pool of classes holds data, so its constructor's arguments are not plain values, but
    ``Glyphs().split("train")`` describes it. Only recorded methods are ever called when an object
    is rebuilt.
    """

    @wraps(method)
    def made(self: object, *given: Any, **named: Any) -> Any:
        result = method(self, *given, **named)
        if result is not self:
            Call(self, method.__name__, _bound(method, self, *given, **named)).keep(result)
        return result

    made.recorded = True  # type: ignore[attr-defined]
    return cast(C, made)


def _bound(method: Callable[..., Any], *given: Any, **named: Any) -> dict[str, Any]:
    """Give the arguments of a call of ``method`` by name, with defaults, except for the first."""
    bound = inspect.signature(method).bind(*given, **named)
    bound.apply_defaults()
    return dict(list(bound.arguments.items())[1:])


def describe(thing: Any, opaque: Opaque = ()) -> Any:
    """Describe ``thing`` in plain values, which JSON can hold.

    ======================= =====================================================================
    an object               ``{"class": name, argument: description, ...}``
    the result of a method  ``{"call": method, "of": description, argument: description, ...}``
    a class or function     ``{"function": name}``
    a mapping               ``{"mapping": {key: description, ...}}``
    a sequence              a list of descriptions
    None, number, text      itself
    ======================= =====================================================================

    Args:
        thing: Anything whose constructor's arguments are attributes of the same names.
        opaque: Types that are named, ``{"opaque": name}``, if they cannot be described.

    Raises:
        UserError: If ``thing`` or one of its arguments cannot be described in plain values.

    Example:
        >>> import quickstudy as qs
        >>> describe(qs.tasks.Sinusoid())
        {'class': 'Sinusoid'}
    """
    if thing is None or isinstance(thing, bool | str | Real | os.PathLike):
        return _plain(thing)
    if isinstance(thing, list | tuple):
        return [describe(value, opaque) for value in thing]
    if isinstance(thing, Mapping):
        return {"mapping": {str(key): describe(value, opaque) for key, value in thing.items()}}
    return _of_object_or_opaque(thing, opaque)


def _plain(thing: Any) -> Any:
    """Give a number, a text or a path as JSON has it."""
    if isinstance(thing, os.PathLike):
        return os.fspath(thing)
    if thing is None or isinstance(thing, bool | str):
        return thing
    return int(thing) if isinstance(thing, Integral) else float(thing)


def _of_object_or_opaque(thing: Any, opaque: Opaque) -> Description:
    """Describe an object, or name its type if it cannot be described."""
    try:
        return _of_object(thing, opaque)
    except UndescribableError:
        if isinstance(thing, opaque):
            return {"opaque": path_of(type(thing))}
        raise


def _of_object(thing: Any, opaque: Opaque) -> Description:
    """Describe a function, a class, or an object by the call that made it."""
    _check_describable(thing)
    if inspect.isfunction(thing) or inspect.isclass(thing):
        return {"function": name_of(thing)}
    call: Call | None = vars(thing).get("_made_by") if hasattr(thing, "__dict__") else None
    return _by_constructor(thing, opaque) if call is None else call.told(opaque)


def _check_describable(thing: Any) -> None:
    """Raise if ``thing`` is data or a method."""
    if hasattr(thing, "__array__"):
        raise UndescribableError(f"Data in memory ({type(thing).__name__}) cannot be described.")
    if inspect.ismethod(thing):
        raise UndescribableError(f"A method, {thing.__qualname__}, cannot be described.")


def _by_constructor(thing: Any, opaque: Opaque) -> Description:
    """Describe an object by the arguments of its constructor."""
    kind = type(thing)
    values = {name: describe(_argument(thing, name), opaque) for name in arguments_of(kind)}
    return {"class": name_of(kind), **values}


def _argument(thing: object, name: str) -> Any:
    try:
        return getattr(thing, name)
    except AttributeError:
        raise UndescribableError(
            f"{type(thing).__name__} should keep its argument `{name}` as an attribute of the same "
            "name, so that it can be saved and made again. Found no such attribute."
        ) from None


def build(
    description: Any,
    classes: Iterable[Any] = (),
    given: Arguments | None = None,
) -> Any:
    """Make the object of a description.

    Args:
        description: The result of :func:`describe`.
        classes: Your classes that it names: the classes themselves, or import paths
            ``"package.module:Class"``. Nothing that a description names is imported otherwise.
        given: Values for arguments of the outermost object, in place of the described ones.

    Raises:
        UserError: If a class is neither registered nor among ``classes``, an argument is not one of
            its constructor's, or the values are damaged.

    Example:
        >>> build({"class": "SinusoidMetaSGD"})
        SinusoidMetaSGD()
    """
    return _Builder(_known([_class_of(one) for one in classes])).build(description, given or {})


def _known(own: Iterable[Any]) -> dict[str, Any]:
    """Give the classes and functions that a description may name: registered ones and ``own``."""
    known = dict(registered())
    for one in own:
        # a class of a script that was run is found by its name
        known[path_of(one)] = known[f"__main__:{one.__qualname__}"] = one
    return known


def _class_of(named: Any) -> Any:
    return imported(named) if isinstance(named, str) else named


@dataclass(frozen=True)
class _Builder:
    """Make objects of descriptions, with a method for each kind."""

    known: Mapping[str, Any]

    def build(self, value: Any, given: Arguments) -> Any:
        """Make the value of a description, with ``given`` arguments."""
        if isinstance(value, list):
            return tuple(self.build(one, {}) for one in value)
        if not isinstance(value, dict):
            return value
        kind = _kind_of(value)
        others = {name: one for name, one in value.items() if name != kind}
        make: Callable[..., Any] = getattr(self, f"_{kind}")
        return make(value[kind], others, given)

    def _mapping(self, items: Any, others: Description, given: Arguments) -> Any:
        require(isinstance(items, dict), "A description's mapping is damaged.")
        return {name: self.build(one, {}) for name, one in items.items()}

    def _opaque(self, name: str, others: Description, given: Arguments) -> Any:
        short = str(name).rpartition(":")[2]
        raise UserError(
            f"This learner holds a module of your own ({short}): pass it as `model=` to load it."
        )

    def _function(self, name: str, others: Description, given: Arguments) -> Any:
        return self._find(name)

    def _call(self, name: str, others: Description, given: Arguments) -> Any:
        method = _recorded_method(self.build(others.pop("of", None), {}), name)
        item = others.pop("item", None)
        result = self._make(method, str(name), others, given)
        return result if item is None else result[item]

    def _class(self, name: str, others: Description, given: Arguments) -> Any:
        return self._make(self._find(name), str(name), others, given)

    def _make(self, thing: Any, name: str, arguments: Description, given: Arguments) -> Any:
        _check_arguments(thing, name, arguments)
        values = {key: self.build(one, {}) for key, one in arguments.items() if key not in given}
        try:
            return thing(**values, **given)
        except UserError:
            raise
        except _FAILURES as error:
            text = first_line(error)
            raise UserError(f"{name} cannot be made again from its description: {text}.") from error

    def _find(self, name: Any) -> Any:
        found = self.known.get(str(name))
        if found is None:
            raise UserError(_unknown(str(name)))
        return found


def _kind_of(description: Description) -> str:
    """Read the kind of a description: arguments may have any name, so the first key decides."""
    kind = next(iter(description), None)
    require(
        kind in KINDS,
        f"A description should begin with one of {', '.join(KINDS)}. Found {kind!r}: it is "
        "damaged.",
    )
    return str(kind)


def _check_arguments(thing: Any, name: str, arguments: Description) -> None:
    """Raise if ``thing`` has no parameter for an argument."""
    unknown = set(arguments) - set(inspect.signature(thing).parameters)
    require(
        not unknown,
        f"{name} was described by another version: it has no argument "
        f"{', '.join(sorted(unknown))} here.",
    )


def _unknown(name: str) -> str:
    """Make the error for an unknown ``name``, with advice."""
    if ":" not in name:
        return f"{name} is not known here: it was saved by another version, or registered there."
    return (
        f"{name.rpartition(':')[2]} is a class of your own: name it, classes=[{name!r}] or "
        f"--classes {name}, or pass a model as `model=`."
    )


def _recorded_method(thing: Any, name: Any) -> Callable[..., Any]:
    """Give the method of ``thing`` that a description names, if it may be called."""
    method = getattr(thing, name, None) if isinstance(name, str) else None
    require(
        getattr(method, "recorded", False),
        f"A description should name a recorded method of {type(thing).__name__}. Found {name!r}.",
    )
    return cast(Callable[..., Any], method)


__all__ = [
    "Call",
    "Description",
    "UndescribableError",
    "build",
    "describe",
    "imported",
    "path_of",
    "recorded",
    "register",
]
