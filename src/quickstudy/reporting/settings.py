"""Reads the settings of a run from its folder."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from quickstudy.errors import UserError, require


def read_run(folder: Path) -> dict[str, Any]:
    """Read the run's ``run.json``; empty if there is no such file.

    Raises:
        UserError: If it is not a JSON object.
    """
    path = folder / "run.json"
    if not path.exists():
        return {}
    run = _json(path)
    require(
        isinstance(run, dict), f"File {path} should hold a JSON object. Found {type(run).__name__}."
    )
    return dict(run)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise UserError(
            f"File {path} should hold a JSON object. It cannot be read: {error}."
        ) from error


def command_of(run: dict[str, Any]) -> str:
    """Give the command that repeats the run; empty if it was not recorded."""
    command = run.get("command")
    return shlex.join(map(str, command)) if isinstance(command, list) else str(command or "")


def flat(values: dict[str, Any]) -> dict[str, str]:
    """Write nested settings for people; settings that are None or empty are left out.

    Example:
        >>> learner = {"learner": "maml", "arguments": {"inner_lr": 0.4}}
        >>> flat({"learner": learner, "steps": 10000, "scheduler": None})
        {'learner': 'maml', 'learner: inner_lr': '0.4', 'steps': '10,000'}
    """
    return dict(_flat("", values | {"command": None}))


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(_joined(prefix, name), inner)
    elif _is_nested(value):
        for inner in value:
            yield from _flat(prefix, inner)
    elif value is not None and value != [] and value != "":
        yield prefix, _text(value)


def _is_nested(value: Any) -> bool:
    """Say whether ``value`` is a list of settings."""
    return isinstance(value, list) and any(isinstance(inner, dict) for inner in value)


def _joined(prefix: str, name: str) -> str:
    """Name a setting within ``prefix``."""
    # learner: learner and learner: arguments add nothing to learner
    if name == "arguments" or prefix.endswith(name):
        return prefix
    return ": ".join(filter(None, [prefix, str(name).replace("_arguments", "")]))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and abs(value) >= 10_000:
        return f"{value:,}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_text, value))
    return str(value)
