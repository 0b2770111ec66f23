"""Your folder of images as a pool of classes."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from quickstudy.episode import Batch
from quickstudy.errors import require
from quickstudy.tasks.classes import Classes, Episodes
from quickstudy.tasks.data import SPLITS, Data, Fractions, check_fractions, check_split, divide
from quickstudy.tasks.image_files import ImageForm, Ink
from quickstudy.tasks.image_folder import ImageFolder
from quickstudy.tasks.labels import by_split, classes_of, counts_of, division_in_words
from quickstudy.tasks.sizes import Range


class Images(Data):
    """A folder with one subfolder of images for each class, of any size, grey or colour.

    ``qs.tasks.Images("animals", size=64, channels=3).split("train").episodes(way=5, shot=1)``

    The subfolders' names are the names of the classes. Every image is read once and brought to one
    form, see :class:`~quickstudy.tasks.image_files.ImageForm`. Hidden files and folders are passed
    over; other files that are not an image of a class are left out and listed in ``skipped``.

    The classes are divided into training, validation and test classes: by the folders ``train``,
    ``validation`` and ``test``, if they contain the class folders; else by the file ``splits``;
    else at random by ``seed``.

    Args:
        folder: The folder.
        size: Height and width of the resized images.
        channels: 1 for grey, 3 for colour.
        ink: Whether images are inverted: ``"auto"``, ``"dark"``, ``"light"``, or None for never.
        fractions: How the *classes* are divided into train, validation and test.
        seed: Seed of the division.
        splits: A CSV file that divides the classes: a column ``split`` (train, validation or
            test) and a column ``class``, or ``filename``. Classes, or images, that it does not name
            are left out.

    Attributes:
        paths: The images' files, class by class, in the order of ``pool.x``.
        skipped: Files that were left out.
        num_inverted: Number of inverted images.

    Raises:
        UserError: If there is no such folder, no class, a class without images, a folder within a
            class's folder, two folders of one name (which look alike but are written differently),
            an image that cannot be read, or a class in two splits.

    Example:
        >>> letters = qs.tasks.Images("letters", ink="auto")  # doctest: +SKIP
        >>> learner.adapt(letters.support())  # doctest: +SKIP
    """

    def __init__(
        self,
        folder: str | Path,
        size: int = 28,
        channels: int = 1,
        ink: Ink | None = None,
        fractions: Fractions = (0.6, 0.2, 0.2),
        seed: int = 0,
        splits: str | Path | None = None,
    ) -> None:
        self.folder, self.form = folder, ImageForm(size, channels, ink)
        self.size, self.channels = size, channels
        self.ink, self.splits = ink, splits
        self.fractions, self.seed = fractions, seed
        check_fractions(fractions)
        found = ImageFolder.read(Path(folder), None if splits is None else Path(splits))
        self.skipped, self._how = found.skipped, found.how
        self.pool, self.num_inverted = self._read(found)
        self.paths = tuple(path for name in self.pool.names for path in found.classes[name])
        self._parts = self._divided(found.splits)

    def _read(self, found: ImageFolder) -> tuple[Classes, int]:
        """Read the images of all classes, and count those that were inverted."""
        labels = [name for name, paths in found.classes.items() for _ in paths]
        files = [path for paths in found.classes.values() for path in paths]
        x, num_inverted = self.form.read_all(files)
        return classes_of(x, labels, "images"), num_inverted

    def episodes(self, way: Range, shot: Range, query: int = 15) -> Episodes:
        """Make tasks from all classes, as ``Episodes`` draws them."""
        return self.pool.episodes(way, shot, query)

    @property
    def split_names(self) -> tuple[str, ...]:
        """The splits that have a class."""
        return tuple(name for name in SPLITS if len(self._parts[name]))

    def split(self, name: str) -> Classes:
        """Give the classes of ``"train"``, ``"validation"`` or ``"test"``; each is in exactly one.

        Raises:
            UserError: If there is no such split, or it has no class.
        """
        check_split(name, SPLITS)
        require(
            len(self._parts[name]) > 0,
            f"Split {name!r} should have at least one class. Found none of "
            f"{self.pool.num_classes} in {self.folder}: {self._how} divided them.",
        )
        return self.pool.subset(self._parts[name], f"images/{name}")

    def everything(self) -> Classes:
        """Give all classes."""
        return self.pool

    def support(self) -> Batch:
        """Give all images as the support set of one task, its classes as in ``pool.names``."""
        x: Tensor = self.pool.gather(torch.arange(len(self.pool.x)))
        return Batch.of(x, torch.arange(self.pool.num_classes).repeat_interleave(self.pool.size))

    def notes(self) -> list[str]:
        """Describe the images, how they are read, and how the classes are divided."""
        counts = counts_of(self._parts)
        divided = f"{division_in_words('classes', counts)} Divided by {self._how}."
        return [self._form_in_words(), divided, *self._left_out()]

    def _left_out(self) -> list[str]:
        """Name some files that were left out; empty if no file was."""
        return [f"Left out: {some(list(map(str, self.skipped)))}."] if self.skipped else []

    def _form_in_words(self) -> str:
        """Say how many images there are, and how they are read."""
        colour = "grey" if self.channels == 1 else "colour"
        size = f"{self.size}×{self.size} pixels"
        return f"{len(self.paths)} images in {self.folder}, brought to {size}, {colour}."

    def _divided(self, splits: Mapping[str, str]) -> dict[str, Tensor]:
        """Divide the classes as the folder or the file says, else at random."""
        if not splits:
            self._how = f"chance (seed {self.seed})"
            return divide(self.pool.num_classes, self.fractions, self.seed)
        return by_split([splits[name] for name in self.pool.names])


def some(names: list[str], most: int = 10) -> str:
    """Join the first ``names``, and say how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


__all__ = ["Images", "some"]
