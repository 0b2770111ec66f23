"""Omniglot on disk: found, read once, packed into one array and kept in the cache."""

import hashlib
import io
import os
import re
import struct
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
SPLIT_FILES = {"train": "train.txt", "validation": "val.txt", "test": "test.txt"}
SPLIT_ADVICE = (
    "Get it from github.com/jakesnell/prototypical-networks, folder "
    "data/omniglot/splits/vinyals/, or use split_by='alphabets'."
)
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
    """One of the two sets: a zip or a tree.

    Attributes:
        path: The zip or the tree.
        drawings: The character and the file of every drawing, in order.
        read: Reads a file.
    """

    path: Path
    drawings: list[tuple[str, str]]
    read: Callable[[str], bytes]

    def image(self, file: str) -> Image.Image:
        """Read one drawing in grey: Pillow resizes 1-bit images only by nearest neighbour."""
        try:
            return Image.open(io.BytesIO(self.read(file))).convert("L")
        except _BROKEN as error:
            raise UserError(
                f"{self.path / file} is not a readable image ({error}). {advice(self.path.parent)}"
            ) from error


def advice(root: Path) -> str:
    """Say where the data can be got from."""
    return (
        "Get images_background.zip and images_evaluation.zip from "
        "github.com/brendenlake/omniglot, folder python/, "
        f"or with Omniglot.download({str(root)!r})."
    )


def locate(root: Path, part: str) -> Path:
    """Find the zip of ``part`` in ``root``, or else its extracted tree.

    Raises:
        UserError: If there is neither, or no folder ``root``.
    """
    require(root.is_dir(), f"There is no folder {root}. {advice(root)}")
    for path in (root / f"{part}.zip", root / part):
        if path.exists():
            return path
    raise UserError(f"There is neither {part}.zip nor a folder {part} in {root}. {advice(root)}")


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
def opened(root: Path, part: str) -> Iterator[_Source]:
    """Open one of the two sets in ``root``.

    Raises:
        UserError: If it is missing, broken or empty.
    """
    path = locate(root, part)
    archive = None
    if path.is_dir():
        source = _Source(path, _drawings(_files(path)), lambda file: (path / file).read_bytes())
    else:
        try:
            archive = zipfile.ZipFile(path)
        except _BROKEN as error:
            raise UserError(
                f"{path} is not a readable zip file ({error}). {advice(root)}"
            ) from error
        source = _Source(path, _drawings(archive.namelist()), archive.read)
    try:
        require(
            bool(source.drawings),
            f"{path} holds no drawings <Alphabet>/characterNN/*.png. {advice(root)}",
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
        with opened(root, part) as source:
            for character, file in source.drawings:
                images.append(np.asarray(source.image(file).resize((SIDE, SIDE), _FILTER[resize])))
                count[character] = count.get(character, 0) + 1
        sizes.append(count)
    background, evaluation = ({character.split("/")[0] for character in count} for count in sizes)
    require(
        not background & evaluation,
        f"No alphabet should be in both sets. Found {sorted(background & evaluation)} in both "
        f"in {root}. {advice(root)}",
    )
    names = (*sizes[0], *sizes[1])
    return Packed(
        255 - np.stack(images),
        names,
        np.array([*sizes[0].values(), *sizes[1].values()], dtype=np.int64),
        len(sizes[0]),
    )


def _fingerprint(root: Path, resize: Resize) -> bytes:
    """Identify the source of a packed array: it changes when the source does."""
    parts: list[object] = [VERSION, SIDE, resize, str(root.resolve())]
    for part in PARTS:
        path = locate(root, part)
        try:
            paths = [path / file for file in _files(path)] if path.is_dir() else [path]
            stats = [one.stat() for one in paths]
        except OSError as error:
            raise UserError(f"{path} cannot be read ({error}). {advice(root)}") from error
        newest = max((stat.st_mtime_ns for stat in stats), default=0)
        parts += [path.name, len(stats), sum(stat.st_size for stat in stats), newest]
    return hashlib.blake2b(repr(parts).encode()).digest()


def _seal(data: bytes, fingerprint: bytes) -> bytes:
    """Give a checksum of ``data`` that changes with the source's fingerprint and every byte."""
    return hashlib.blake2b(data, key=fingerprint).digest()


def _saved(packed: Packed) -> bytes:
    """Give the packed array as a file of NumPy's."""
    buffer = io.BytesIO()
    np.savez(
        buffer,
        images=packed.images,
        names=np.array(packed.names),
        sizes=packed.sizes,
        num_background=np.array(packed.num_background),
    )
    return buffer.getvalue()


def _unpacked(path: Path, fingerprint: bytes) -> Packed | None:
    """Read the array cached at ``path``; None if it is missing, damaged or of another source."""
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
    """Give the packed array of the drawings in ``root``, from the cache if it is there and fits.

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
    other = "Choose another with `cache` or the environment variable QUICKSTUDY_CACHE."
    require(
        not folder.resolve().is_relative_to(root.resolve()),
        f"The cache folder {folder} should not be in the data folder {root}. {other}",
    )
    name = hashlib.blake2b(f"{root.resolve()}\x1f{resize}".encode(), digest_size=8).hexdigest()
    path = folder / f"omniglot-{name}.packed"
    packed = _unpacked(path, fingerprint)
    if packed is None:
        packed = pack(root, resize)
        data = _saved(packed)
        try:
            write_atomically(path, _seal(data, fingerprint) + data)
        except OSError as error:
            raise UserError(
                f"The cache file {path} cannot be written ({error}). {other}"
            ) from error
    return packed


def read_split(root: Path, split: str, characters: Collection[str]) -> tuple[tuple[str, int], ...]:
    """Read one of Vinyals' split files, in ``root`` or ``root/vinyals``.

    Returns:
        The character and the quarter turns that each line names.

    Raises:
        UserError: If the file is missing or empty, or a line is no ``Alphabet/characterNN/rotDDD``,
            names a character not among ``characters``, or stands there twice.
    """
    places = [root / SPLIT_FILES[split], root / "vinyals" / SPLIT_FILES[split]]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise UserError(f"There is no split file {places[1]}. {SPLIT_ADVICE}")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}). {SPLIT_ADVICE}") from error
    lines: dict[tuple[str, int], None] = {}
    for number, line in enumerate(map(str.strip, text.splitlines()), start=1):
        if not line:
            continue
        place = f"{path}, line {number}"
        character, quarter = _turned(line, place)
        require(
            character in characters,
            f"{place}: there is no character {character!r} in {root}. {advice(root)}",
        )
        require(
            (character, quarter) not in lines, f"{place}: {line!r} is there twice. {SPLIT_ADVICE}"
        )
        lines[character, quarter] = None
    require(bool(lines), f"{path} is empty. {SPLIT_ADVICE}")
    return tuple(lines)


def _turned(line: str, place: str) -> tuple[str, int]:
    """Give the character and the quarter turns that a ``line`` of a split file names."""
    character, _, rotation = line.rpartition("/")
    require(
        rotation in _ROTATION,
        f"{place}: expected Alphabet/characterNN/rotDDD, DDD one of 000, 090, 180, "
        f"270. Found {line!r}. {SPLIT_ADVICE}",
    )
    return character, _ROTATION[rotation]
