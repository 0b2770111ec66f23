"""Your own folder of images as a pool of classes."""

import unicodedata
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from quickstudy.describe import recorded
from quickstudy.episode import Batch
from quickstudy.errors import require
from quickstudy.tasks.arrays import Arrays
from quickstudy.tasks.classes import Classes, Episodes, Range
from quickstudy.tasks.image_files import SUFFIXES, ImageForm, Ink


class Images:
    """A folder with one subfolder of images for each class:
    ``qs.tasks.Images("animals").split("train").episodes(way=5, shot=1)``.

    The subfolders' names are the classes'. Every image is read once and brought to one form, see
    :class:`~quickstudy.tasks.image_files.ImageForm`. Hidden files and folders are passed over;
    other files that are no image of a class are left out and listed in ``skipped``.

    Args:
        folder: The folder.
        size: Height and width that images are brought to.
        channels: 1 for grey, 3 for colour.
        ink: Whether images are inverted: ``"auto"``, ``"dark"``, ``"light"``, or None for never.
        fractions: How the *classes* are divided into train, validation and test.
        seed: Seed of the division.

    Attributes:
        paths: The images' files, class by class, in the order of ``pool.x``.
        skipped: Files that were left out.
        num_inverted: How many images were inverted.

    Raises:
        UserError: If there is no such folder, no class, a class without images, a folder within a
            class's folder, two folders of one name (which look alike but are written differently),
            or an image that cannot be read.

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
        fractions: tuple[float, float, float] = (0.6, 0.2, 0.2),
        seed: int = 0,
    ) -> None:
        self.folder, self.form, self.fractions, self.seed = (
            folder,
            ImageForm(size, channels, ink),
            fractions,
            seed,
        )
        classes, self.skipped = _find(Path(folder))
        found = [(path, name) for name, paths in classes.items() for path in paths]
        x, self.num_inverted = self.form.read_all([path for path, _ in found])
        self._arrays = Arrays(x, [name for _, name in found], fractions, seed)
        self.pool: Classes = replace(self._arrays.pool, label="images")
        place = {name: i for i, name in enumerate(self.pool.names)}
        self.paths = tuple(path for path, name in sorted(found, key=lambda one: place[one[1]]))

    @recorded
    def episodes(self, way: Range, shot: Range, query: int = 15) -> Episodes:
        """Tasks from all classes. See :class:`~quickstudy.tasks.classes.Episodes`."""
        return self.pool.episodes(way, shot, query)

    @recorded
    def split(self, name: str) -> Classes:
        """The classes of one split: ``"train"``, ``"validation"`` or ``"test"``; every class is in exactly one."""
        return replace(self._arrays.split(name), label=f"images/{name}")

    def support(self) -> Batch:
        """All images as the support set of one task, whose class indices follow ``pool.names``."""
        x: Tensor = self.pool.gather(torch.arange(len(self.pool.x)))
        return Batch.of(x, torch.arange(self.pool.num_classes).repeat_interleave(self.pool.size))


def image_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """The images directly in ``folder``, sorted, and the other files there; hidden ones are passed over."""
    files = sorted(path for path in folder.iterdir() if _visible(path) and not path.is_dir())
    images = [path for path in files if path.suffix.lower() in SUFFIXES]
    return images, [path for path in files if path not in set(images)]


def _find(folder: Path) -> tuple[dict[str, list[Path]], tuple[Path, ...]]:
    """The images of every class, and the files that were left out."""
    require(
        folder.is_dir(),
        f"{folder} should be a folder of images. Found "
        f"{'a file' if folder.exists() else 'no such folder'}.",
    )
    classes: dict[str, list[Path]] = {}
    written: dict[str, str] = {}
    skipped = [path for paths in image_files(folder) for path in paths]
    for part in sorted(path for path in folder.iterdir() if _visible(path) and path.is_dir()):
        name = unicodedata.normalize("NFC", part.name).strip()
        require(
            name not in classes,
            f"Class names in {folder} should differ. Found {part.name!r} and "
            f"{written.get(name)!r}: rename one.",
        )
        below = sorted(path.name for path in part.iterdir() if _visible(path) and path.is_dir())
        require(
            not below,
            f"Class folder {part} should hold images alone. Found folder "
            f"{below[0] if below else ''!r} in it: "
            "give the folder whose subfolders are the classes.",
        )
        images, others = image_files(part)
        require(
            len(images) > 0,
            f"Class folder {part} should hold at least one image ({', '.join(SUFFIXES)}). "
            "Found none.",
        )
        classes[name], written[name] = images, part.name
        skipped += others
    require(
        len(classes) > 0,
        f"{folder} should hold one folder of images for each class. Found no folder in it.",
    )
    return classes, tuple(skipped)


def _visible(path: Path) -> bool:
    return not path.name.startswith(".") and path.name != "__MACOSX"
