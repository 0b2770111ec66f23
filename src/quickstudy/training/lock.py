"""At most one training run in a folder: a second process is refused."""

import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from quickstudy.errors import UserError

NAME = ".lock"
BEYOND = 1 << 30
"""Windows locks this byte, so that others may read the text before it."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold ``folder`` for this process while the block runs.

    The operating system holds the lock: a process that is killed leaves no lock behind.

    Raises:
        UserError: If another process holds it; the message names process, host and start.
    """
    path = folder / NAME
    file = _opened(path)
    try:
        _sign(file)
        yield
    finally:
        _release(path, file)


def _release(path: Path, file: IO[str]) -> None:
    """Give the lock back; Windows cannot remove a file that is open."""
    if os.name != "nt":
        path.unlink(missing_ok=True)
    file.close()


@contextmanager
def claimed(folder: Path | None) -> Iterator[None]:
    """Hold ``folder``, if there is one, and leave no empty folder of a run that was refused.

    Raises:
        UserError: If another process holds it.
    """
    if folder is None:
        yield
        return
    made = _missing(folder)
    try:
        with locked(folder):
            yield
    finally:
        _remove_empty(made)


def _missing(folder: Path) -> list[Path]:
    """List the folders that are still to be made, the innermost first."""
    return [path for path in (folder, *folder.parents) if not path.exists()]


def _remove_empty(folders: list[Path]) -> None:
    """Remove the ``folders`` that are empty, the innermost first."""
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _sign(file: IO[str]) -> None:
    """Write the holder of the lock into its file."""
    file.seek(0)
    file.truncate()
    file.write(json.dumps(_this_process()))
    file.flush()


def _this_process() -> dict[str, object]:
    """Describe this process as the holder of a lock."""
    start = time.strftime("%Y-%m-%d %H:%M:%S")
    return {"process": os.getpid(), "host": platform.node(), "start": start}


def _opened(path: Path) -> IO[str]:
    """Open and lock the file at ``path``; another process may have removed it in between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        file = path.open("a+")
        if not _lock(file):
            message = _refusal(path)
            file.close()
            raise UserError(message)
        if _stands_at(path, file):
            return file
        file.close()


def _stands_at(path: Path, file: IO[str]) -> bool:
    """Say whether ``file`` is still the file at ``path``."""
    return path.exists() and path.stat().st_ino == os.fstat(file.fileno()).st_ino


def _refusal(path: Path) -> str:
    try:
        holder = json.loads(path.read_text())
        who = f"process {holder['process']} on {holder['host']} since {holder['start']}"
    except (OSError, ValueError, KeyError, TypeError):
        who = "another process"
    return (
        f"Folder {path.parent} should be free. It is being trained into by {who}: choose another "
        "with out= (--out)."
    )


def _lock(file: IO[str]) -> bool:
    """Lock an open file without waiting; False if another process holds it."""
    try:
        lock = _lock_on_windows if os.name == "nt" else _lock_on_unix
        lock(file)
    except OSError:
        return False
    return True


def _lock_on_windows(file: IO[str]) -> None:
    import msvcrt

    file.seek(BEYOND)
    msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]


def _lock_on_unix(file: IO[str]) -> None:
    import fcntl

    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


__all__ = ["claimed", "locked"]
