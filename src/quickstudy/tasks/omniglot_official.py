"""The official Omniglot: fetched, and a data folder checked against it."""

import hashlib
import http.client
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from quickstudy.cache import write_atomically
from quickstudy.errors import UserError, require
from quickstudy.tasks.omniglot_files import PARTS, SPLIT_FILES, advice, opened, read_split

# characters, drawings
COMPLETE = {"images_background": (964, 19_280), "images_evaluation": (659, 13_180)}
URL = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python/"
MD5 = {
    "images_background": "68d2efa1b9178cc56df9314c21c6e718",
    "images_evaluation": "6b91aef0f799c5bb55b94e3f2daec811",
}


def download(root: Path) -> None:
    """Fetch the two official zips into ``root``; one that is there already is kept.

    Raises:
        UserError: If a zip cannot be fetched, is not the official one (by its MD5), or cannot be
            written. A zip that fails leaves nothing behind.
    """
    for part in PARTS:
        path, url = root / f"{part}.zip", f"{URL}{part}.zip"
        if path.exists():
            continue
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
            f"{url} should have the MD5 {MD5[part]}. Found {found}, {len(data)} bytes. Try "
            "again later.",
        )
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
            try:
                source.image(file)
            except UserError as error:
                yield str(error)


def check(root: str | Path) -> list[str]:
    """Find the problems of a data folder, each in one line; none if all is well.

    The zips or trees should be complete and every image readable: all drawings are read. If there
    is one of Vinyals' split files, all three should be there and name characters that are.
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
    places = [folder / sub / file for sub in ("", "vinyals") for file in SPLIT_FILES.values()]
    if not any(place.is_file() for place in places):
        return problems
    for split in SPLIT_FILES:
        try:
            read_split(folder, split, characters)
        except UserError as error:
            problems.append(str(error))
    return problems


__all__ = ["check", "download"]
