"""Omniglot: 1,623 handwritten characters of 50 alphabets, each drawn by 20 people."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

import torch

from quickstudy.errors import require
from quickstudy.random import generator
from quickstudy.tasks import omniglot_files as files
from quickstudy.tasks import omniglot_official as official
from quickstudy.tasks.classes import Classes, Turning
from quickstudy.tasks.data import SPLITS, Data, check_split, numbered
from quickstudy.tasks.omniglot_splits import SPLIT_FILES, read_split


class Omniglot(Data):
    """Omniglot as pools of characters, from the official zips or their extracted trees.

    ``root`` holds ``images_background.zip`` and ``images_evaluation.zip``, or the folders they
    extract to (the zip is read if both are there). Everything is read once, resized to 28x28 and
    inverted (ink 255 on 0) into one ``uint8`` array that is kept in the cache folder, never in
    ``root``.

    Results are comparable only between equal splits:

    * ``split_by="alphabets"`` (Lake's): ``"test"`` is the evaluation set, 20 alphabets, 659
      characters. ``"train"`` and ``"validation"`` are the background set, 30 alphabets, 964
      characters, put in one fixed random order (the same for everyone): the last
      ``validation_alphabets`` validate. Rotations are extra *training* classes only; validation
      and test are upright. ``split("test").with_rotations()`` turns them.
    * ``split_by="vinyals"`` (Vinyals et al. 2016, as in ProtoNet): ``train.txt``, ``val.txt`` and
      ``test.txt`` in ``root`` or ``root/vinyals``, 1028, 172 and 423 characters. Every line is a
      class, rotated ones included, in all three splits.

    Args:
        root: The data folder.
        cache: Folder for the packed array; by default ``$QUICKSTUDY_CACHE`` or the user's cache
            folder.
        split_by: ``"alphabets"`` or ``"vinyals"``.
        rotations: Whether a character turned by 90°, 180° and 270° is three more classes
            (``"classes"``, see above), is turned at random for each task (``"task"``), or is not
            turned (``"none"``).
        validation_alphabets: Number of background alphabets that validate; with 0 all of them
            train. Not used by ``"vinyals"``.
        resize: ``"lanczos"`` as RelationNet, or ``"nearest"`` as ProtoNet and Reptile. MAML's
            script asks for LANCZOS too, but for 1-bit images Pillow silently takes the
            nearest pixel, so its data is ``"nearest"``.

    Raises:
        UserError: If a parameter is wrong, or a set, a split file or an image is missing or broken.

    Example::

        characters = Omniglot("data/omniglot")
        train = characters.split("train").episodes(way=5, shot=1, query=15)

    Source: Lake, Salakhutdinov & Tenenbaum, "Human-level concept learning through probabilistic
        program induction", Science 350 (2015).
    """

    def __init__(
        self,
        root: str | Path,
        cache: str | Path | None = None,
        split_by: Literal["alphabets", "vinyals"] = "alphabets",
        rotations: Turning = "classes",
        validation_alphabets: int = 5,
        resize: files.Resize = "lanczos",
    ) -> None:
        self.root, self.cache = root, cache
        self.split_by, self.rotations = split_by, rotations
        self.validation_alphabets, self.resize = validation_alphabets, resize
        self._check()
        self._packed = files.load_drawings(
            Path(root), None if cache is None else Path(cache), resize
        )
        if split_by == "vinyals":
            self._lines = _lines_of(Path(root), self._packed)
        else:
            self._characters = _by_alphabet(self._packed, validation_alphabets)

    def _check(self) -> None:
        """Raise if a parameter is not one of its allowed values."""
        require(
            self.split_by in ("alphabets", "vinyals"),
            f"Parameter `split_by` should be 'alphabets' or 'vinyals'. Found {self.split_by!r}.",
        )
        require(
            self.rotations in get_args(Turning),
            "Parameter `rotations` should be 'classes', 'task' or 'none'. "
            f"Found {self.rotations!r}.",
        )
        require(
            self.resize in ("lanczos", "nearest"),
            f"Parameter `resize` should be 'lanczos' or 'nearest'. Found {self.resize!r}.",
        )

    @property
    def split_names(self) -> tuple[str, ...]:
        """The splits it has; validation only if an alphabet is kept for it."""
        none = self.split_by == "alphabets" and self.validation_alphabets == 0
        return ("train", "test") if none else SPLITS

    @staticmethod
    def download(root: str | Path) -> None:
        """Fetch the two official zips into ``root`` (14 MB) and verify them.

        They come from github.com/brendenlake/omniglot.

        Raises:
            UserError: If there is no connection, or the download is not the official file.
        """
        official.download(Path(root))

    def split(self, name: str) -> Classes:
        """Give the characters of ``"train"``, ``"validation"`` or ``"test"``, by alphabet.

        Raises:
            UserError: If there is no such split, or no alphabet was set apart for validation.
        """
        check_split(name, SPLITS)
        if self.split_by == "vinyals":
            return self._vinyals(name)
        pool = self._pool(self._characters_of(name), name)
        return pool.turned(self.rotations) if name == "train" else pool

    def _characters_of(self, name: str) -> Sequence[str]:
        characters = self._characters[name]
        require(
            len(characters) > 0,
            "There is no split 'validation' with validation_alphabets=0: all background "
            "alphabets train.",
        )
        return characters

    @property
    def _turned(self) -> bool:
        return self.rotations != "none"

    def _vinyals(self, name: str) -> Classes:
        lines = self._usable_lines(name)
        index = numbered(dict.fromkeys(character for character, _ in lines))
        pool = self._pool(list(index), name)
        if not self._turned:
            return pool
        classes = sorted(4 * index[character] + quarter for character, quarter in lines)
        return _only(pool.turned(self.rotations), classes)

    def _usable_lines(self, name: str) -> list[tuple[str, int]]:
        """Give the lines of a split file: all, or those that are not turned."""
        lines = [line for line in self._lines[name] if self._turned or line[1] == 0]
        require(
            len(lines) > 0,
            f"The split file {SPLIT_FILES[name]} has no line with rot000. Use rotations='classes'.",
        )
        return lines

    def _pool(self, characters: Sequence[str], name: str) -> Classes:
        """Give the pool of these characters, with a copy of their drawings and no others."""
        images, size = self._packed.drawings_of(characters)
        alphabets = [files.alphabet_of(character) for character in characters]
        group_names = tuple(dict.fromkeys(alphabets))
        return Classes(
            x=torch.from_numpy(images),
            start=torch.from_numpy(size.cumsum() - size),
            size=torch.from_numpy(size),
            names=tuple(characters),
            groups=torch.tensor([group_names.index(alphabet) for alphabet in alphabets]),
            group_names=group_names,
            label=f"omniglot/{name}",
        )


def _lines_of(root: Path, packed: files.Packed) -> dict[str, tuple[tuple[str, int], ...]]:
    """Read the lines of all of Vinyals' split files."""
    characters = frozenset(packed.names)
    return {name: read_split(root, name, characters) for name in SPLIT_FILES}


def _by_alphabet(packed: files.Packed, num_validation: int) -> dict[str, Sequence[str]]:
    """Divide the characters into splits by their alphabets."""
    background = packed.names[: packed.num_background]
    held_out = _held_out(background, num_validation)
    return {
        "train": [name for name in background if files.alphabet_of(name) not in held_out],
        "validation": [name for name in background if files.alphabet_of(name) in held_out],
        "test": packed.names[packed.num_background :],
    }


def _only(turned: Classes, classes: Sequence[int]) -> Classes:
    """Keep only ``classes``; if some are missing, each stands for itself."""
    if len(classes) == turned.num_classes:
        return turned
    return replace(turned.subset(torch.tensor(classes), turned.label), num_rotations=1)


def _held_out(background: Sequence[str], count: int) -> set[str]:
    """Choose the ``count`` alphabets that validate, the same for everyone."""
    alphabets = sorted(set(map(files.alphabet_of, background)))
    require(
        0 <= count < len(alphabets),
        "Parameter `validation_alphabets` should be at least 0 and less than the "
        f"{len(alphabets)} background alphabets. Found validation_alphabets={count}.",
    )
    shuffled = _shuffled(alphabets)
    return set(shuffled[len(alphabets) - count :])


def _shuffled(alphabets: Sequence[str]) -> list[str]:
    """Put the alphabets in the one order that is the same for everyone."""
    draw = generator(0, "omniglot validation")
    order = torch.randperm(len(alphabets), generator=draw).tolist()
    return [alphabets[place] for place in order]
