"""The settings of a run, read back to go on with it."""

import json
from pathlib import Path
from typing import Any

from quickstudy.errors import UserError, require

Settings = dict[str, Any]
"""The options of a training run by name, as recorded in ``run.json``."""
NEEDED = ("learner", "data", "shot")
"""What is read of a run's settings."""


def settings_of(run: Path) -> Settings:
    """The options a run was trained with.

    Raises:
        UserError: If ``run`` is no run's folder, or was not trained by the command line.
    """
    require(
        run.is_dir(),
        f"{run} should be a run's folder. Found {'a file' if run.exists() else 'no such folder'}.",
    )
    try:
        details = json.loads((run / "run.json").read_text())
    except FileNotFoundError:
        raise UserError(
            f"{run} should be a run's folder with a run.json. Found none: train with --out "
            f"{run} first."
        ) from None
    except ValueError as error:
        raise UserError(f"{run / 'run.json'} should hold JSON. It is damaged: {error}.") from None
    require(
        isinstance(details, dict),
        f"{run / 'run.json'} should hold a JSON object. Found a {type(details).__name__}.",
    )
    require(
        "settings" in details,
        f"{run} was not trained by the command line: evaluate it with "
        f"qs.evaluate(qs.load({str(run)!r}), ...).",
    )
    found: Settings = details["settings"]
    missing = [name for name in NEEDED if name not in found]
    require(
        not missing,
        f"{run / 'run.json'} should hold the settings of training. It lacks {', '.join(missing)}.",
    )
    return found
