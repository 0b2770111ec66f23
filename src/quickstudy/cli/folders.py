"""The folders of runs: one for each, and a link to the latest."""

import os
import time
from pathlib import Path

from quickstudy.errors import UserError, require

RUNS = Path("runs")
LATEST = RUNS / "latest"


def new_folder(learner: str, data: str) -> Path:
    """Name a new folder for a run: ``runs/2026-01-31-maml-glyphs``."""
    word = Path(data).stem if Path(data).exists() else _class_in(data)
    name = "-".join((time.strftime("%Y-%m-%d"), _class_in(learner), word)).replace(" ", "-")
    folders = (RUNS / name, *(RUNS / f"{name}-{count}" for count in range(2, 10_000)))
    return next(folder for folder in folders if not folder.exists())


def _class_in(name: str) -> str:
    """Give the class in ``package.module:Class``; another name stays unchanged."""
    return name.rpartition(":")[2]


def link_latest(folder: Path) -> None:
    """Let ``runs/latest`` be a link to ``folder``, if that is in ``runs``.

    A folder of that name, as version 0.1.0 made it, is kept. On a system without links nothing
    changes.
    """
    if not _may_be_latest(folder):
        return
    new = LATEST.with_name(f".latest-{os.getpid()}")
    try:
        new.unlink(missing_ok=True)
        new.symlink_to(folder.name, target_is_directory=True)
        new.replace(LATEST)
    except OSError:
        new.unlink(missing_ok=True)


def _may_be_latest(folder: Path) -> bool:
    """Say whether a run is in ``runs``, and no folder has the name of the link."""
    free = LATEST.is_symlink() or not LATEST.exists()
    return free and _is_in_runs(folder)


def _is_in_runs(folder: Path) -> bool:
    return folder.parent.absolute() == RUNS.absolute() and folder.name != LATEST.name


def latest() -> Path:
    """Give the folder of the latest run.

    Raises:
        UserError: If there is no run.
    """
    require(
        LATEST.is_dir(),
        f"Name a run: there is no {LATEST} in this folder, the link to the latest.",
    )
    try:
        return _linked()
    except OSError as error:
        raise UserError(f"{LATEST} cannot be read: {error}.") from error


def _linked() -> Path:
    """Give the target of the link."""
    return RUNS / LATEST.readlink().name if LATEST.is_symlink() else LATEST


__all__ = ["LATEST", "latest", "link_latest", "new_folder"]
