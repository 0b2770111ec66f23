"""The options that a run was begun with, when it is resumed."""

import json
from pathlib import Path
from typing import Any

from quickstudy.cli.asked import Asked
from quickstudy.errors import UserError, require

FREE = {
    *("resume", "out", "root", "cache", "device", "threads", "tensorboard", "checkpoint_seconds"),
    "classes",
}
"""Options that a resumed run may change."""


def as_begun(found: Asked, out: Path) -> Asked:
    """Give the options, with the way of the begun run in ``out`` if no way is given.

    More steps are fine if the learning rate is constant.

    Raises:
        UserError: If the run would be resumed with options that make it another run.
    """
    begun = _settings_of(out)
    if begun is None:
        return found
    found = _with_way_of(found, begun)
    _check_settings(json.loads(json.dumps(found.settings)), begun)
    return found


def _check_settings(settings: dict[str, Any], begun: dict[str, Any]) -> None:
    """Raise if a setting that may not change differs from the begun run."""
    free = FREE | {"steps"} if begun.get("schedule") == "constant" else FREE
    for name, value in settings.items():
        if name not in free:
            _check_same(name, value, begun.get(name, value))


def _with_way_of(found: Asked, begun: dict[str, Any]) -> Asked:
    """Take over a way that was lowered to the number of classes."""
    own, old = found.of("task").get("way"), begun.get("way")
    if own is None or old in (None, own) or "way" in found.given:
        return found
    return found.with_way(old)


def _check_same(name: str, value: Any, old: Any) -> None:
    """Raise if an option differs from the begun run."""
    flag = name if name == "learner" else f"--{name.replace('_', '-')}"
    require(
        value == old,
        f"A resumed run should have the options it was begun with, {flag} {old}. Found "
        f"{flag} {value}.",
    )


def _settings_of(out: Path) -> dict[str, Any] | None:
    """Read the settings of the run in ``out``; None if no run was begun there.

    Raises:
        UserError: If the run was not made by the command line.
    """
    if not ((out / "last.safetensors").exists() and (out / "run.json").exists()):
        return None
    from quickstudy.training.trained import read_details

    begun = read_details(out).get("settings")
    if not isinstance(begun, dict):
        raise UserError(
            f"{out} was not trained by the command line: go on with qs.train(..., resume=True)."
        )
    return begun


__all__ = ["as_begun"]
