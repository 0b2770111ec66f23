"""The official Omniglot: fetched, and a data folder checked against it."""

import hashlib
import http.client
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from quickstudy.cache import write_atomically
from quickstudy.errors import UserError, require
from quickstudy.tasks.omniglot_files import PARTS, advice, opened
from quickstudy.tasks.omniglot_splits import SPLIT_FILES, read_split

# characters, drawings
COMPLETE = {"images_background": (964, 19_280), "images_evaluation": (659, 13_180)}
URL = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python/"
MD5 = {
    "images_background": "68d2efa1b9178cc56df9314c21c6e718",
    "images_evaluation": "6b91aef0f799c5bb55b94e3f2daec811",
}


def download(root: Path) -> None:
    """Fetch the two official zips into ``root``; a zip that is already there is kept.

    Raises:
        UserError: If a zip cannot be fetched, is not the official file (by its MD5), or cannot be
            written. A zip that fails leaves nothing behind.
    """
    for part in PARTS:
        path = root / f"{part}.zip"
        if not path.exists():
            _write(path, _fetched(part, path))


def _fetched(part: str, path: Path) -> bytes:
    """Fetch an official zip, which is to be written to ``path``."""
    url = f"{URL}{part}.zip"
    try:
        with urllib.request.urlopen(url, timeout=60) as response:
            data: bytes = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise UserError(
            f"{url} cannot be fetched ({error}). Check the connection, or copy the file "
            f"to {path} yourself."
        ) from error
    found = hashlib.md5(data, usedforsecurity=False).hexdigest()
    require(
        found == MD5[part],
        f"{url} should have the MD5 {MD5[part]}. Found {found}, {len(data)} bytes. Try again "
        "later.",
    )
    return data


def _write(path: Path, data: bytes) -> None:
    try:
        write_atomically(path, data)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error}).") from error


def _check_part(root: Path, part: str, characters: set[str]) -> Iterator[str]:
    """Give the problems of one set, and add its characters to ``characters``."""
    with opened(root, part) as source:
        found = {character for character, _ in source.drawings}
        if (len(found), len(source.drawings)) != COMPLETE[part]:
            yield "{} should hold {:,} characters and {:,} drawings. Found {:,} and {:,}.".format(
                source.path, *COMPLETE[part], len(found), len(source.drawings)
            )
        characters |= found
        for _, file in source.drawings:
            yield from _problems(source.image, file)


def _problems(function: Callable[..., Any], *arguments: Any) -> list[str]:
    """Call ``function``; give the problem that it finds, if any."""
    try:
        function(*arguments)
    except UserError as error:
        return [str(error)]
    return []


def check(root: str | Path) -> list[str]:
    """List the problems of a data folder, each in one line; empty if there are none.

    The zips or trees should be complete and every image readable: all drawings are read. If there
    is one of Vinyals' split files, all three should be there and name existing characters.
    """
    folder = Path(root)
    if not folder.is_dir():
        return [f"There is no folder {folder}. {advice(folder)}"]
    problems: list[str] = []
    characters: set[str] = set()
    for part in PARTS:
        try:
            problems.extend(_check_part(folder, part, characters))
        except UserError as error:
            problems.append(str(error))
    if _has_split_files(folder):
        for split in SPLIT_FILES:
            problems += _problems(read_split, folder, split, characters)
    return problems


def _has_split_files(folder: Path) -> bool:
    """Say whether one of Vinyals' split files exists."""
    return any(
        (folder / sub / file).is_file() for sub in ("", "vinyals") for file in SPLIT_FILES.values()
    )


__all__ = ["check", "download"]
