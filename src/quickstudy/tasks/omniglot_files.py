"""Omniglot on disk: found, read once, packed into one array and kept in the cache."""

import hashlib
import io
import os
import re
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from quickstudy.cache import cache_folder, write_atomically
from quickstudy.errors import UserError, require
from quickstudy.tasks.data import numbered
from quickstudy.tasks.sealed import sealed, unsealed

Resize = Literal["lanczos", "nearest"]

PARTS = ("images_background", "images_evaluation")
CACHE_ADVICE = "Choose another with `cache` or the environment variable QUICKSTUDY_CACHE."
SIDE = 28
VERSION = 1
"""The version of the packed array; raise it if :func:`pack_drawings` makes a different array."""

_FILTER = {"lanczos": Image.Resampling.LANCZOS, "nearest": Image.Resampling.NEAREST}
_DRAWING = re.compile(r"(?:.*/)?([^/]+/character[^/]+)/[^/.][^/]*\.(?i:png)")
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
        num_background: Number of characters in the background set.
    """

    images: NDArray[np.uint8]
    names: tuple[str, ...]
    sizes: NDArray[np.int64]
    num_background: int

    def drawings_of(self, characters: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Copy the drawings of ``characters`` ``[image, 28, 28]``, and count them."""
        index = numbered(self.names)
        chosen = np.array([index[character] for character in characters])
        first, size = (self.sizes.cumsum() - self.sizes)[chosen], self.sizes[chosen]
        rows = [np.arange(start, start + count) for start, count in zip(first, size, strict=True)]
        return self.images[np.concatenate(rows)], size


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
    """Say how to get the data."""
    return (
        "Get images_background.zip and images_evaluation.zip from "
        "github.com/brendenlake/omniglot, folder python/, "
        f"or with Omniglot.download({str(root)!r})."
    )


def locate(root: Path, part: str) -> Path:
    """Find the zip of ``part`` in ``root``, or else its extracted tree.

    Raises:
        UserError: If neither exists, or there is no folder ``root``.
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
    if path.is_dir():
        yield _checked(_tree(path))
    else:
        with _archive(path) as archive:
            yield _checked(_Source(path, _drawings(archive.namelist()), archive.read))


def _tree(path: Path) -> _Source:
    return _Source(path, _drawings(_files(path)), lambda file: (path / file).read_bytes())


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except _BROKEN as error:
        raise UserError(
            f"{path} is not a readable zip file ({error}). {advice(path.parent)}"
        ) from error


def _checked(source: _Source) -> _Source:
    """Give ``source``; raise if it is empty."""
    require(
        bool(source.drawings),
        f"{source.path} holds no drawings <Alphabet>/characterNN/*.png. "
        f"{advice(source.path.parent)}",
    )
    return source


def pack_drawings(root: Path, resize: Resize = "lanczos") -> Packed:
    """Read every drawing in ``root``: resized to 28x28, then inverted so that ink is 255.

    Raises:
        UserError: If a set is missing, empty or broken, or an alphabet is in both.
    """
    background, evaluation = (_read_set(root, part, resize) for part in PARTS)
    _check_apart(background.sizes, evaluation.sizes, root)
    sizes = background.sizes + evaluation.sizes
    return Packed(
        255 - np.stack([*background.images, *evaluation.images]),
        tuple(sizes),
        np.array(list(sizes.values()), dtype=np.int64),
        len(background.sizes),
    )


@dataclass(frozen=True, eq=False)
class _Set:
    """The drawings of one of the two sets.

    Attributes:
        images: The drawings ``[28, 28]``, character by character.
        sizes: The number of drawings of every character.
    """

    images: list[NDArray[np.uint8]]
    sizes: Counter[str]


def _read_set(root: Path, part: str, resize: Resize) -> _Set:
    with opened(root, part) as source:
        images = [_resized(source.image(file), resize) for _, file in source.drawings]
        return _Set(images, Counter(character for character, _ in source.drawings))


def _resized(image: Image.Image, resize: Resize) -> NDArray[np.uint8]:
    return np.asarray(image.resize((SIDE, SIDE), _FILTER[resize]))


def _check_apart(background: Collection[str], evaluation: Collection[str], root: Path) -> None:
    """Raise if both sets have characters of one alphabet."""
    both = set(map(alphabet_of, background)).intersection(map(alphabet_of, evaluation))
    require(
        not both,
        f"No alphabet should be in both sets. Found {sorted(both)} in both in {root}. "
        f"{advice(root)}",
    )


def alphabet_of(character: str) -> str:
    """Give the alphabet of a character ``"Alphabet/characterNN"``."""
    return character.split("/")[0]


def _fingerprint(root: Path, resize: Resize) -> bytes:
    """Identify the source of a packed array: it changes when the source does."""
    parts: list[object] = [VERSION, SIDE, resize, str(root.resolve())]
    for part in PARTS:
        path = locate(root, part)
        parts += [path.name, *_sizes_and_times(path)]
    return hashlib.blake2b(repr(parts).encode()).digest()


def _sizes_and_times(path: Path) -> list[int]:
    """Give number, size and latest time of change of the files at ``path``."""
    try:
        stats = [one.stat() for one in _all_files(path)]
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error}). {advice(path.parent)}") from error
    newest = max((stat.st_mtime_ns for stat in stats), default=0)
    return [len(stats), sum(stat.st_size for stat in stats), newest]


def _all_files(path: Path) -> list[Path]:
    """List the files of a tree, or the one file of a zip."""
    return [path / file for file in _files(path)] if path.is_dir() else [path]


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
    data = unsealed(path, partial(_seal, fingerprint=fingerprint))
    return None if data is None else _restored(data)


def _restored(data: bytes) -> Packed:
    """Read the packed array from a file of NumPy's."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        names = tuple(arrays["names"].tolist())
        return Packed(arrays["images"], names, arrays["sizes"], int(arrays["num_background"]))


def load_drawings(root: Path, cache: Path | None = None, resize: Resize = "lanczos") -> Packed:
    """Give the packed array of the drawings in ``root``, from the cache if it is there and fits.

    The cached file begins with a checksum keyed by its source (path, sizes, times of change,
    version), so a damaged or an old file is detected and made again. It is never written inside
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
    path = _cache_file(root, cache_folder(cache), resize)
    packed = _unpacked(path, fingerprint)
    if packed is None:
        packed = pack_drawings(root, resize)
        _keep(packed, path, fingerprint)
    return packed


def _cache_file(root: Path, folder: Path, resize: Resize) -> Path:
    """Name the cached file of ``root``; raise if it would be inside ``root``."""
    require(
        not folder.resolve().is_relative_to(root.resolve()),
        f"The cache folder {folder} should not be in the data folder {root}. {CACHE_ADVICE}",
    )
    name = hashlib.blake2b(f"{root.resolve()}\x1f{resize}".encode(), digest_size=8).hexdigest()
    return folder / f"omniglot-{name}.packed"


def _keep(packed: Packed, path: Path, fingerprint: bytes) -> None:
    data = _saved(packed)
    try:
        write_atomically(path, sealed(data, partial(_seal, fingerprint=fingerprint)))
    except OSError as error:
        raise UserError(
            f"The cache file {path} cannot be written ({error}). {CACHE_ADVICE}"
        ) from error
