"""Glyphs: letters of many scripts as a few-shot benchmark that needs no files."""

import hashlib
import io
import json
import unicodedata
import warnings
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from quickstudy.cache import cache_folder, write_atomically
from quickstudy.tasks.classes import Classes, Turning
from quickstudy.tasks.data import SPLITS, Data, check_split
from quickstudy.tasks.sealed import sealed, unsealed

RENDERING = 1  # raise it with every change of the drawings
DIGEST_BYTES = 32
LIBRARIES = ("matplotlib", "pillow", "torch")
"""The libraries that the drawings depend on."""

# No script is in two splits. Among look-alikes, the letter of the script listed first is kept, so
# the few scripts to be tested on keep their letters and the many to train on lose them.
SCRIPTS = {
    "test": ("ARMENIAN", "HEBREW", "TIFINAGH", "LAO"),
    "validation": ("GEORGIAN", "NKO"),
    "train": (
        "LATIN",
        "GREEK",
        "COPTIC",
        "CYRILLIC",
        "CANADIAN SYLLABICS",
        "ARABIC",
        "LISU",
        "OLD ITALIC",
        "OGHAM",
    ),
}


class Glyphs(Data):
    """Letters of 15 scripts, 20 drawings of each, split by script; no files needed.

    They have Omniglot's shape, 28 by 28 pixels, and come from the fonts that matplotlib ships.
    Every letter is drawn in all the faces that have it (regular, bold, oblique; with serifs,
    without, monospaced). Each drawing is rotated, sheared, scaled, shifted and bent, with thicker
    or thinner strokes. Letters that look alike are one class; accented letters, ligatures,
    modifiers and mathematical alphabets are left out. Ink is 255, paper 0.

    The drawings are rendered once, in a few seconds, and then read from a cache. They depend
    only on the seed and the versions of matplotlib, Pillow, torch and Unicode.

    Args:
        seed: The seed of the distortions.
        rotations: Whether a letter turned by 90°, 180° and 270° is three more classes of the
            training split (``"classes"``), is turned at random for each task (``"task"``), or is
            not turned (``"none"``).
        cache: Folder of the cache; by default the user's. A damaged cache is replaced. If it
            cannot be written, a warning says so.

    Attributes:
        scripts: The scripts of every split.

    Example:
        >>> glyphs = Glyphs()  # doctest: +SKIP
        >>> glyphs.split("test").episodes(way=5, shot=1)  # doctest: +SKIP
    """

    def __init__(
        self, seed: int = 0, rotations: Turning = "classes", cache: str | Path | None = None
    ) -> None:
        self.seed, self.rotations = seed, rotations
        self.cache = cache
        self.scripts: dict[str, tuple[str, ...]] = {name: SCRIPTS[name] for name in SPLITS}
        folder = None if cache is None else Path(cache)
        self._x, self._names, self._scripts = _load_or_render(seed, folder)

    def split(self, name: str) -> Classes:
        """Give the letters of ``"train"``, ``"validation"`` or ``"test"``, grouped by script.

        ``x`` is ``uint8 [row, 28, 28]``; every class has 20 rows. Only training letters are turned.

        Raises:
            UserError: If there is no such split.
        """
        check_split(name, self.split_names)
        pool = self._pool(name)
        return pool.turned(self.rotations) if name == "train" else pool

    def _pool(self, name: str) -> Classes:
        scripts = self.scripts[name]
        chosen = self._rows_of(scripts)
        x = self._x[chosen]
        drawings = x.shape[1]
        return Classes(
            x=x.flatten(0, 1),
            start=torch.arange(len(x)) * drawings,
            size=torch.full((len(x),), drawings),
            names=tuple(self._names[chosen]),
            groups=torch.tensor([scripts.index(script) for script in self._scripts[chosen]]),
            group_names=scripts,
            label=f"glyphs/{name}",
        )

    def _rows_of(self, scripts: Sequence[str]) -> slice:
        """Give the letters of ``scripts``, which are adjacent: letters are sorted by split."""
        chosen = [row for row, script in enumerate(self._scripts) if script in scripts]
        return slice(chosen[0], chosen[-1] + 1)


# x uint8 [class, drawing, row, column]; name and script of every class
Drawings = tuple[Tensor, list[str], list[str]]


def _load_or_render(seed: int, folder: Path | None) -> Drawings:
    key = _key(seed)
    name = hashlib.blake2b(key, digest_size=8).hexdigest()
    path = cache_folder(folder) / f"glyphs-{name}.npz.checked"
    drawings = _read(path, key)
    if drawings is None:
        drawings = _render(seed)
        _keep(path, _packed(drawings, key))
    return drawings


def _key(seed: int) -> bytes:
    """Name everything that the drawings depend on."""
    versions = map(version, LIBRARIES)
    return json.dumps([RENDERING, seed, unicodedata.unidata_version, *versions]).encode()


def _keep(path: Path, packed: bytes) -> None:
    try:
        write_atomically(path, packed)
    except OSError as error:
        warnings.warn(
            "The glyphs will be rendered again next time: their cache cannot be written "
            f"({error}).",
            stacklevel=4,
        )


def _render(seed: int, characters: str | None = None) -> Drawings:
    # only rendering needs the fonts and the imaging library: reading a cache does not import them
    from quickstudy.tasks.glyph_rendering import draw, find_letters, without_lookalikes

    every = [script for scripts in SCRIPTS.values() for script in scripts]
    letters = without_lookalikes(find_letters(every, characters))
    names = [letter.name for letter in letters]
    return draw(letters, seed), names, [letter.script for letter in letters]


def _packed(drawings: Drawings, key: bytes) -> bytes:
    """Give a digest of the key and the data, then the drawings as NumPy's npz."""
    x, names, scripts = drawings
    buffer = io.BytesIO()
    np.savez(buffer, x=x.numpy(), names=np.array(names), scripts=np.array(scripts))
    return sealed(buffer.getvalue(), partial(_digest, key))


def _read(path: Path, key: bytes) -> Drawings | None:
    """Read the cache; None if it is missing, unreadable, damaged or of another key."""
    content = unsealed(path, partial(_digest, key))
    return None if content is None else _unpacked(content)


def _unpacked(content: bytes) -> Drawings:
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return torch.from_numpy(file["x"]), file["names"].tolist(), file["scripts"].tolist()


def _digest(key: bytes, content: bytes) -> bytes:
    digest = hashlib.blake2b(key, digest_size=DIGEST_BYTES)
    digest.update(content)
    return digest.digest()
