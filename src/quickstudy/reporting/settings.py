"""What a run was, read from its folder."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from quickstudy.errors import UserError, require


def read_run(folder: Path) -> dict[str, Any]:
    """The run's ``run.json``; empty where there is none.

    Raises:
        UserError: If it is not a JSON object.
    """
    path = folder / "run.json"
    if not path.exists():
        return {}
    try:
        run = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise UserError(
            f"File {path} should hold a JSON object. It cannot be read: {error}."
        ) from error
    require(
        isinstance(run, dict), f"File {path} should hold a JSON object. Found {type(run).__name__}."
    )
    return dict(run)


def command_of(run: dict[str, Any]) -> str:
    """The command that makes the run again; empty where it was not recorded."""
    command = run.get("command")
    return shlex.join(map(str, command)) if isinstance(command, list) else str(command or "")


def flat(values: dict[str, Any]) -> dict[str, str]:
    """Nested settings as a person reads them; what is None or empty is left out.

    Example:
        >>> flat({"learner": {"learner": "maml", "arguments": {"inner_lr": 0.4}}, "steps": 10000, "scheduler": None})
        {'learner': 'maml', 'learner: inner_lr': '0.4', 'steps': '10,000'}
    """
    return dict(_flat("", {name: value for name, value in values.items() if name != "command"}))


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            # learner: learner, learner: arguments: inner_lr
            same = name == "arguments" or prefix.endswith(name)
            yield from _flat(
                prefix
                if same
                else ": ".join(filter(None, [prefix, str(name).replace("_arguments", "")])),
                inner,
            )
    elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        for inner in value:
            yield from _flat(prefix, inner)
    elif value is not None and value != [] and value != "":
        yield prefix, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and abs(value) >= 10_000:
        return f"{value:,}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_text, value))
    return str(value)
