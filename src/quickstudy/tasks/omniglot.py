"""Omniglot: 1,623 handwritten characters of 50 alphabets, each drawn by 20 people."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch

from quickstudy.errors import require
from quickstudy.random import generator
from quickstudy.tasks import omniglot_files as files
from quickstudy.tasks.classes import Classes, Turning
from quickstudy.tasks.data import SPLITS, Data, check_split


class Omniglot(Data):
    """Omniglot as pools of characters, from the official zips or their extracted trees.

    ``root`` holds ``images_background.zip`` and ``images_evaluation.zip``, or the folders they
    extract to (the zip is read where both are there). Everything is read once, resized to 28x28 and
    inverted (ink 255 on 0) into one ``uint8`` array that is kept in the cache folder, never in
    ``root``.

    Results are comparable only between equal splits:

    * ``split_by="alphabets"`` (Lake's): ``"test"`` is the evaluation set, 20 alphabets, 659
    characters.
      ``"train"`` and ``"validation"`` are the background set, 30 alphabets, 964 characters, put in
      one fixed random order (the same for everyone): the last ``validation_alphabets`` validate.
      Rotations are extra *training* classes only; validation and test are upright.
      ``split("test").with_rotations()`` turns them.
    * ``split_by="vinyals"`` (Vinyals et al. 2016, as in ProtoNet): ``train.txt``, ``val.txt`` and
    ``test.txt`` in
      ``root`` or ``root/vinyals``, 1028, 172 and 423 characters. Every line is a class, rotated
      ones included, in all three splits.

    Args:
        root: The data folder.
        cache: Folder for the packed array; by default ``$QUICKSTUDY_CACHE`` or the user's cache
            folder.
        split_by: ``"alphabets"`` or ``"vinyals"``.
        rotations: Whether a character turned by 90°, 180° and 270° is three more classes
            (``"classes"``, see above), is turned at random for each task (``"task"``), or is not
            turned (``"none"``).
        validation_alphabets: How many background alphabets validate; with 0 all of them train. Not
            used by ``"vinyals"``.
        resize: ``"lanczos"`` as RelationNet, or ``"nearest"`` as ProtoNet and Reptile. MAML's
            script asks for LANCZOS too, but of 1-bit images, where Pillow silently takes the
            nearest pixel: its data is ``"nearest"``.

    Raises:
        UserError: If a parameter is wrong, or a set, a split file or an image is missing or broken.

    Example::

        characters = Omniglot("data/omniglot")
        train = characters.split("train").episodes(way=5, shot=1, query=15)

    Source: Lake, Salakhutdinov & Tenenbaum, "Human-level concept learning through probabilistic
        program
    induction", Science 350 (2015).
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
        require(
            split_by in ("alphabets", "vinyals"),
            f"Parameter `split_by` should be 'alphabets' or 'vinyals'. Found {split_by!r}.",
        )
        require(
            rotations in get_args(Turning),
            f"Parameter `rotations` should be 'classes', 'task' or 'none'. Found {rotations!r}.",
        )
        require(
            resize in ("lanczos", "nearest"),
            f"Parameter `resize` should be 'lanczos' or 'nearest'. Found {resize!r}.",
        )
        self.root, self.cache, self.split_by, self.rotations = root, cache, split_by, rotations
        self.validation_alphabets, self.resize = validation_alphabets, resize
        self._packed = files.load(Path(root), None if cache is None else Path(cache), resize)
        names = self._packed.names
        if split_by == "vinyals":
            self._lines = {
                name: files.read_split(Path(root), name, frozenset(names))
                for name in files.SPLIT_FILES
            }
            return
        background = names[: self._packed.num_background]
        alphabets = sorted({name.split("/")[0] for name in background})
        require(
            0 <= validation_alphabets < len(alphabets),
            "Parameter `validation_alphabets` should be at least 0 and less than the "
            f"{len(alphabets)} background alphabets. "
            f"Found validation_alphabets={validation_alphabets}.",
        )
        order = torch.randperm(
            len(alphabets), generator=generator(0, "omniglot validation")
        ).tolist()
        held_out = {alphabets[i] for i in order[len(alphabets) - validation_alphabets :]}
        train, validation = (
            [name for name in background if (name.split("/")[0] in held_out) == held]
            for held in (False, True)
        )
        self._characters = {
            "train": train,
            "validation": validation,
            "test": names[len(background) :],
        }

    @property
    def split_names(self) -> tuple[str, ...]:
        """The splits it has: no validation, if no alphabet is kept for it."""
        none = self.split_by == "alphabets" and self.validation_alphabets == 0
        return ("train", "test") if none else SPLITS

    @staticmethod
    def download(root: str | Path) -> None:
        """Fetch the two official zips into ``root`` (14 MB) and verify them.

        They come from github.com/brendenlake/omniglot.

        Raises:
            UserError: If there is no connection, or what came is not the official file.
        """
        files.download(Path(root))

    def split(self, name: str) -> Classes:
        """Give the characters of ``"train"``, ``"validation"`` or ``"test"``, by alphabet.

        Raises:
            UserError: If there is no such split, or no alphabet was set apart for validation.
        """
        check_split(name, SPLITS)
        if self.split_by == "vinyals":
            return self._vinyals(name)
        characters = self._characters[name]
        require(
            len(characters) > 0,
            "There is no split 'validation' with validation_alphabets=0: all background "
            "alphabets train.",
        )
        pool = self._pool(characters, name)
        return pool.turned(self.rotations) if name == "train" else pool

    @property
    def _turned(self) -> bool:
        return self.rotations != "none"

    def _vinyals(self, name: str) -> Classes:
        lines = [line for line in self._lines[name] if self._turned or line[1] == 0]
        require(
            len(lines) > 0,
            f"The split file {files.SPLIT_FILES[name]} has no line with rot000. Use "
            "rotations='classes'.",
        )
        index = {
            character: i
            for i, character in enumerate(dict.fromkeys(character for character, _ in lines))
        }
        pool = self._pool(list(index), name)
        if not self._turned:
            return pool
        turned = pool.turned(self.rotations)
        classes = sorted(4 * index[character] + quarter for character, quarter in lines)
        if len(classes) == turned.num_classes:
            return turned
        some = turned.subset(torch.tensor(classes), turned.label)
        return replace(some, num_rotations=1)

    def _pool(self, characters: Sequence[str], name: str) -> Classes:
        """The pool of these characters, with a copy of their drawings and no others."""
        packed = self._packed
        index = {character: i for i, character in enumerate(packed.names)}
        chosen = np.array([index[character] for character in characters])
        first, size = (packed.sizes.cumsum() - packed.sizes)[chosen], packed.sizes[chosen]
        rows = np.concatenate(
            [np.arange(start, start + count) for start, count in zip(first, size, strict=True)]
        )
        alphabets = [character.split("/")[0] for character in characters]
        group_names = tuple(dict.fromkeys(alphabets))
        return Classes(
            x=torch.from_numpy(packed.images[rows]),
            start=torch.from_numpy(size.cumsum() - size),
            size=torch.from_numpy(size),
            names=tuple(characters),
            groups=torch.tensor([group_names.index(alphabet) for alphabet in alphabets]),
            group_names=group_names,
            label=f"omniglot/{name}",
        )
