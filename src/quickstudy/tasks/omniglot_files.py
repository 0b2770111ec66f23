"""Omniglot on disk: found, read once, packed into one array, kept in the cache, fetched and checked."""

import hashlib
import http.client
import io
import os
import re
import struct
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from quickstudy.cache import cache_folder, write_atomically
from quickstudy.errors import UserError, require

Resize = Literal["lanczos", "nearest"]

PARTS = ("images_background", "images_evaluation")
# characters, drawings
COMPLETE = {"images_background": (964, 19_280), "images_evaluation": (659, 13_180)}
URL = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python/"
MD5 = {
    "images_background": "68d2efa1b9178cc56df9314c21c6e718",
    "images_evaluation": "6b91aef0f799c5bb55b94e3f2daec811",
}
SPLIT_FILES = {"train": "train.txt", "validation": "val.txt", "test": "test.txt"}
SIDE = 28
VERSION = 1  # of the packed array: raise it when what `pack` makes changes

_FILTER = {"lanczos": Image.Resampling.LANCZOS, "nearest": Image.Resampling.NEAREST}
_DRAWING = re.compile(r"(?:.*/)?([^/]+/character[^/]+)/[^/.][^/]*\.(?i:png)")
_ROTATION = {"rot000": 0, "rot090": 1, "rot180": 2, "rot270": 3}
_BROKEN = (
    *(OSError, EOFError, ValueError, SyntaxError, RuntimeError, struct.error, zlib.error),
    *(zipfile.BadZipFile, Image.DecompressionBombError),
)


@dataclass(frozen=True, eq=False)
class Packed:
    """Every drawing of Omniglot, character by character, the background set first.

    Attributes:
        images: ``uint8`` ``[image, 28, 28]``, ink 255 on 0.
        names: ``"Alphabet/characterNN"`` of every character.
        sizes: Number of drawings of every character ``[character]``.
        num_background: How many of the characters are the background set's.
    """

    images: NDArray[np.uint8]
    names: tuple[str, ...]
    sizes: NDArray[np.int64]
    num_background: int


@dataclass(frozen=True)
class _Source:
    """One of the two sets: a zip or a tree, its drawings (character, file) in order, and how to read one."""

    path: Path
    drawings: list[tuple[str, str]]
    read: Callable[[str], bytes]

    def image(self, file: str) -> Image.Image:
        """The grey-scale image of one drawing (Pillow resizes 1-bit images by nearest neighbour whatever it is told)."""
        try:
            return Image.open(io.BytesIO(self.read(file))).convert("L")
        except _BROKEN as error:
            raise UserError(
                f"{self.path / file} is not a readable image ({error}). {_advice(self.path.parent)}"
            ) from error


def _advice(root: Path) -> str:
    return (
        "Get images_background.zip and images_evaluation.zip from "
        "github.com/brendenlake/omniglot, folder python/, "
        f"or with Omniglot.download({str(root)!r})."
    )


def locate(root: Path, part: str) -> Path:
    """The zip of ``part`` in ``root``, or else its extracted tree.

    Raises:
        UserError: If there is neither, or no folder ``root``.
    """
    require(root.is_dir(), f"There is no folder {root}. {_advice(root)}")
    for path in (root / f"{part}.zip", root / part):
        if path.exists():
            return path
    raise UserError(f"There is neither {part}.zip nor a folder {part} in {root}. {_advice(root)}")


def _drawings(files: list[str]) -> list[tuple[str, str]]:
    matches = ((_DRAWING.fullmatch(file), file) for file in files)
    return sorted((match[1], file) for match, file in matches if match)


def _files(folder: Path) -> list[str]:
    return [
        os.path.relpath(os.path.join(parent, file), folder).replace(os.sep, "/")
        for parent, _, files in os.walk(folder)
        for file in files
    ]


@contextmanager
def _opened(root: Path, part: str) -> Iterator[_Source]:
    path = locate(root, part)
    if path.is_dir():
        source, archive = (
            _Source(path, _drawings(_files(path)), lambda file: (path / file).read_bytes()),
            None,
        )
    else:
        try:
            archive = zipfile.ZipFile(path)
        except _BROKEN as error:
            raise UserError(
                f"{path} is not a readable zip file ({error}). {_advice(root)}"
            ) from error
        source = _Source(path, _drawings(archive.namelist()), archive.read)
    try:
        require(
            bool(source.drawings),
            f"{path} holds no drawings <Alphabet>/characterNN/*.png. {_advice(root)}",
        )
        yield source
    finally:
        if archive is not None:
            archive.close()


def pack(root: Path, resize: Resize = "lanczos") -> Packed:
    """Read every drawing in ``root``: resized to 28x28, then inverted so that ink is 255.

    Raises:
        UserError: If a set is missing, empty or broken, or an alphabet is in both.
    """
    images: list[NDArray[np.uint8]] = []
    sizes: list[dict[str, int]] = []
    for part in PARTS:
        count: dict[str, int] = {}
        with _opened(root, part) as source:
            for character, file in source.drawings:
                images.append(np.asarray(source.image(file).resize((SIDE, SIDE), _FILTER[resize])))
                count[character] = count.get(character, 0) + 1
        sizes.append(count)
    background, evaluation = ({character.split("/")[0] for character in count} for count in sizes)
    require(
        not background & evaluation,
        f"No alphabet should be in both sets. Found {sorted(background & evaluation)} in both "
        f"in {root}. {_advice(root)}",
    )
    names = (*sizes[0], *sizes[1])
    return Packed(
        255 - np.stack(images),
        names,
        np.array([*sizes[0].values(), *sizes[1].values()], dtype=np.int64),
        len(sizes[0]),
    )


def _fingerprint(root: Path, resize: Resize) -> bytes:
    """What a packed array was made from: it changes when the source does."""
    parts: list[object] = [VERSION, SIDE, resize, str(root.resolve())]
    for part in PARTS:
        path = locate(root, part)
        try:
            stats = (
                [(path / file).stat() for file in _files(path)] if path.is_dir() else [path.stat()]
            )
        except OSError as error:
            raise UserError(f"{path} cannot be read ({error}). {_advice(root)}") from error
        newest = max((stat.st_mtime_ns for stat in stats), default=0)
        parts += [path.name, len(stats), sum(stat.st_size for stat in stats), newest]
    return hashlib.blake2b(repr(parts).encode()).digest()


def _seal(data: bytes, fingerprint: bytes) -> bytes:
    """A checksum of ``data`` that another source's fingerprint, or a changed byte, does not give."""
    return hashlib.blake2b(data, key=fingerprint).digest()


def _unpacked(path: Path, fingerprint: bytes) -> Packed | None:
    """The array cached at ``path``; None where there is none, or one that is damaged or made from something else."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    seal, data = content[:64], content[64:]
    if seal != _seal(data, fingerprint):
        return None
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return Packed(
            arrays["images"],
            tuple(arrays["names"].tolist()),
            arrays["sizes"],
            int(arrays["num_background"]),
        )


def load(root: Path, cache: Path | None = None, resize: Resize = "lanczos") -> Packed:
    """The packed array of the drawings in ``root``, from the cache where it is there and fits.

    The cached file begins with a checksum keyed by its source (path, sizes, times of change,
    version), so a damaged or an old one is seen and made again. It is never written inside
    ``root``.

    Args:
        root: The data folder.
        cache: The folder for cached files; by default :func:`~quickstudy.cache.cache_folder`'s.
        resize: The filter that images are resized with.

    Raises:
        UserError: If the data is missing or broken, or the cache folder is in ``root`` or cannot be
            written.
    """
    fingerprint = _fingerprint(root, resize)
    folder = cache_folder(cache)
    advice = "Choose another with `cache` or the environment variable QUICKSTUDY_CACHE."
    require(
        not folder.resolve().is_relative_to(root.resolve()),
        f"The cache folder {folder} should not be in the data folder {root}. {advice}",
    )
    name = hashlib.blake2b(f"{root.resolve()}\x1f{resize}".encode(), digest_size=8).hexdigest()
    path = folder / f"omniglot-{name}.packed"
    packed = _unpacked(path, fingerprint)
    if packed is None:
        packed = pack(root, resize)
        buffer = io.BytesIO()
        np.savez(
            buffer,
            images=packed.images,
            names=np.array(packed.names),
            sizes=packed.sizes,
            num_background=np.array(packed.num_background),
        )
        try:
            write_atomically(path, _seal(buffer.getvalue(), fingerprint) + buffer.getvalue())
        except OSError as error:
            raise UserError(
                f"The cache file {path} cannot be written ({error}). {advice}"
            ) from error
    return packed


def read_split(root: Path, split: str, characters: Collection[str]) -> tuple[tuple[str, int], ...]:
    """The lines of one of Vinyals' split files, in ``root`` or ``root/vinyals``, as (character,
    quarter turns).

    Raises:
        UserError: If the file is missing or empty, or a line is no ``Alphabet/characterNN/rotDDD``,
            names a character not among ``characters``, or stands there twice.
    """
    advice = (
        "Get it from github.com/jakesnell/prototypical-networks, folder "
        "data/omniglot/splits/vinyals/, or use split_by='alphabets'."
    )
    places = [root / SPLIT_FILES[split], root / "vinyals" / SPLIT_FILES[split]]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise UserError(f"There is no split file {places[1]}. {advice}")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}). {advice}") from error
    lines: dict[tuple[str, int], None] = {}
    for number, line in enumerate(map(str.strip, text.splitlines()), start=1):
        if line:
            character, _, rotation = line.rpartition("/")
            where = f"{path}, line {number}"
            require(
                rotation in _ROTATION,
                f"{where}: expected Alphabet/characterNN/rotDDD, DDD one of 000, 090, 180, "
                f"270. Found {line!r}. {advice}",
            )
            require(
                character in characters,
                f"{where}: there is no character {character!r} in {root}. {_advice(root)}",
            )
            require(
                (character, _ROTATION[rotation]) not in lines,
                f"{where}: {line!r} is there twice. {advice}",
            )
            lines[character, _ROTATION[rotation]] = None
    require(bool(lines), f"{path} is empty. {advice}")
    return tuple(lines)


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
    with _opened(root, part) as source:
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
    """The problems found in a data folder, each in one line; an empty list when all is well. Reads
    every drawing.

    The zips or trees should be complete and every image readable; where there is one of Vinyals'
    split files, all three should be there and name characters that are."""
    folder, problems, characters = Path(root), list[str](), set[str]()
    if not folder.is_dir():
        return [f"There is no folder {folder}. {_advice(folder)}"]
    for part in PARTS:
        try:
            problems.extend(_check_part(folder, part, characters))
        except UserError as error:
            problems.append(str(error))
    if any(
        (folder / sub / file).is_file() for sub in ("", "vinyals") for file in SPLIT_FILES.values()
    ):
        for split in SPLIT_FILES:
            try:
                read_split(folder, split, characters)
            except UserError as error:
                problems.append(str(error))
    return problems
