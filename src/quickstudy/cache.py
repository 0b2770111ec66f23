"""The folder of cached files, and the function that writes files."""

import os
import secrets
from pathlib import Path

from quickstudy.errors import UserError


def cache_folder(override: Path | None = None) -> Path:
    """Give the folder for cached files; it is not created.

    ``override`` if given, else ``$QUICKSTUDY_CACHE``, else ``$XDG_CACHE_HOME/quickstudy`` (if it
    is an absolute path, as the XDG specification asks), else ``~/.cache/quickstudy``.

    Raises:
        UserError: If no such variable is set and the user has no home folder.

    Example:
        >>> cache_folder(Path("somewhere")).name
        'somewhere'
    """
    if override is not None:
        return override
    if own := os.environ.get("QUICKSTUDY_CACHE"):
        return Path(own)
    if os.path.isabs(shared := os.environ.get("XDG_CACHE_HOME", "")):
        return Path(shared, "quickstudy")
    return _home_folder() / ".cache" / "quickstudy"


def _home_folder() -> Path:
    """Give the user's home folder."""
    try:
        return Path.home()
    except RuntimeError as error:
        raise UserError(
            "There is no home folder to keep a cache in. Set the environment variable "
            "QUICKSTUDY_CACHE."
        ) from error


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` in one step.

    A reader finds the old file or the whole new one, never a part. The bytes go to a temporary file
    in the same folder (made if missing) and are synced to the disk. Then that file takes the place
    of ``path``.

    Raises:
        OSError: If the file cannot be written; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write_new(temporary, data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _write_new(path: Path, data: bytes) -> None:
    """Write ``data`` to a new file, down to the disk."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
