"""The files of a folder of images, with the class and the split of each."""

import csv
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from quickstudy.errors import UserError, require
from quickstudy.tasks.data import SPLITS
from quickstudy.tasks.image_files import SUFFIXES

NAMES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
    "testing": "test",
}
"""Common names of the splits."""


@dataclass
class ImageFolder:
    """The contents of a folder of images.

    Attributes:
        classes: The images of every class.
        splits: The split of every class; empty if nothing decides it.
        how: How the splits were decided, in words.
        skipped: Files that were left out.
    """

    classes: dict[str, list[Path]] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)
    how: str = "chance"
    skipped: tuple[Path, ...] = ()

    @classmethod
    def read(cls, folder: Path, splits: Path | None = None) -> "ImageFolder":
        """Find the images in ``folder``, and their splits.

        Raises:
            UserError: If the folder, or the file ``splits``, is missing or wrong.
        """
        if splits is None and (parts := _split_folders(folder)):
            return cls._of_parts(parts)
        classes, skipped = classes_in(folder)
        found = cls(classes, skipped=skipped)
        if splits is not None:
            found._divide(folder, splits)
        return found

    @classmethod
    def _of_parts(cls, parts: dict[str, Path]) -> "ImageFolder":
        """Find the images in the folder of every split."""
        found = cls(how=f"the folders {', '.join(path.name for path in parts.values())}")
        for name, path in parts.items():
            classes, skipped = classes_in(path)
            found._add(name, classes)
            found.skipped += skipped
        return found

    def _add(self, split: str, classes: dict[str, list[Path]]) -> None:
        for name, paths in classes.items():
            other = self.splits.get(name)
            require(
                other is None,
                f"Every class should be in one split, so that test classes are new. Found class "
                f"{name!r} in {other!r} and {split!r}: give one folder with all classes.",
            )
            self.classes[name], self.splits[name] = paths, split

    def _divide(self, folder: Path, file: Path) -> None:
        """Keep the classes, or the images, that ``file`` names, in the split it gives."""
        named = _Named.read(file)
        kept, unknown = dict[str, list[Path]](), set(named.splits)
        for name, path in self._images():
            key = named.key_of(name, path, folder)
            if key is None:
                self.skipped += (path,)
                continue
            unknown.discard(key)
            self._assign(name, named.splits[key], file)
            kept.setdefault(name, []).append(path)
        named.check_found(unknown, folder)
        self.classes, self.how = kept, str(file)

    def _images(self) -> list[tuple[str, Path]]:
        """List the class and the file of every image."""
        return [(name, path) for name, paths in self.classes.items() for path in paths]

    def _assign(self, name: str, split: str, file: Path) -> None:
        """Put class ``name`` into ``split``, which ``file`` gives for one of its images."""
        other = self.splits.setdefault(name, split)
        require(
            other == split,
            f"{file} should put every class into one split. Found images of {name!r} in "
            f"{other!r} and {split!r}.",
        )


@dataclass(frozen=True)
class _Named:
    """The entries of a file of splits.

    Attributes:
        file: The file.
        by_class: Whether it names classes; otherwise it names images.
        splits: The split of every class or image that it names.
    """

    file: Path
    by_class: bool
    splits: dict[str, str]

    @classmethod
    def read(cls, file: Path) -> "_Named":
        """Read a CSV file.

        Raises:
            UserError: If it is missing, or lacks these columns, or names another split.
        """
        require(
            file.is_file(), f"The file of splits should be a CSV file. There is no file {file}."
        )
        rows = _rows(file)
        key = _key_column(file, list(rows[0]) if rows else [])
        splits = {_name(row[key]): row["split"].strip() for row in rows}
        wrong = sorted({split for split in splits.values() if split.lower() not in NAMES})
        require(
            not wrong,
            f"Column split of {file} should hold {', '.join(SPLITS)}. Found {wrong[:1]}.",
        )
        known = {name: NAMES[split.lower()] for name, split in splits.items()}
        return cls(file, key == "class", known)

    def key_of(self, name: str, path: Path, folder: Path) -> str | None:
        """Give the name by which the file names an image, or its class; None if it does not."""
        names = [name] if self.by_class else _names_of(path, folder)
        return next((one for one in names if one in self.splits), None)

    def check_found(self, unknown: set[str], folder: Path) -> None:
        """Raise if ``folder`` lacks some of the names."""
        what = "classes" if self.by_class else "images"
        require(
            not unknown,
            f"{self.file} should name {what} that {folder} has. Found {sorted(unknown)[:1]}, "
            "which it has not.",
        )


def _name(written: str) -> str:
    """Give a name in one form: names that look alike may be written differently."""
    return unicodedata.normalize("NFC", written).strip()


def _names_of(path: Path, folder: Path) -> list[str]:
    """Give the names by which a file of splits may name an image."""
    return [path.relative_to(folder).as_posix(), path.name]


def _rows(file: Path) -> list[dict[str, str]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            return list(csv.DictReader(opened))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{file} should be a CSV file in UTF-8. It cannot be read: {error}.") from (
            error
        )


def _key_column(file: Path, columns: list[str]) -> str:
    """Find the column that names classes or images."""
    for name in ("class", "filename"):
        if name in columns and "split" in columns:
            return name
    raise UserError(
        f"{file} should have a column split and a column class or filename. Found "
        f"{', '.join(columns) or 'no rows'}."
    )


def classes_in(folder: Path) -> tuple[dict[str, list[Path]], tuple[Path, ...]]:
    """Give the images of every class folder in ``folder``, and the files that are no image.

    Raises:
        UserError: If there is no such folder, no class folder in it, or one is wrong.
    """
    require(
        folder.is_dir(),
        f"{folder} should be a folder of images. Found "
        f"{'a file' if folder.exists() else 'no such folder'}.",
    )
    classes = dict[str, list[Path]]()
    skipped = [path for paths in image_files(folder) for path in paths]
    for name, part in _class_folders(folder).items():
        classes[name], others = _images_of_class(part)
        skipped += others
    return classes, tuple(skipped)


def _class_folders(folder: Path) -> dict[str, Path]:
    """Give the folder of every class.

    Raises:
        UserError: If there is no class folder, or two have the same name.
    """
    found = dict[str, Path]()
    for part in folders_in(folder):
        other = found.setdefault(_name(part.name), part)
        require(
            other is part,
            f"Class names in {folder} should differ. Found {part.name!r} and {other.name!r}: "
            "rename one.",
        )
    require(
        len(found) > 0,
        f"{folder} should hold one folder of images for each class. Found no folder in it.",
    )
    return found


def _images_of_class(part: Path) -> tuple[list[Path], list[Path]]:
    """Give the images in a class folder, and its other files.

    Raises:
        UserError: If it has no image, or a folder in it.
    """
    _check_flat(part)
    images, others = image_files(part)
    require(
        bool(images),
        f"Class folder {part} should hold at least one image ({', '.join(SUFFIXES)}). Found none.",
    )
    return images, others


def _check_flat(part: Path) -> None:
    """Raise if there is a folder in a class folder."""
    for path in folders_in(part):
        raise UserError(
            f"Class folder {part} should hold only images. Found folder {path.name!r} in it: give "
            "the folder whose subfolders are the classes."
        )


def image_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """Give the images directly in ``folder``, sorted, and the other files that are not hidden."""
    files = sorted(path for path in folder.iterdir() if _visible(path) and not path.is_dir())
    images = [path for path in files if path.suffix.lower() in SUFFIXES]
    return images, [path for path in files if path not in set(images)]


def folders_in(folder: Path) -> list[Path]:
    """Give the folders directly in ``folder`` that are not hidden, sorted."""
    return sorted(path for path in folder.iterdir() if _visible(path) and path.is_dir())


def _split_folders(folder: Path) -> dict[str, Path]:
    """Give the folders of the splits in ``folder``; empty if its folders are classes."""
    folders = folders_in(folder) if folder.is_dir() else []
    named = {NAMES.get(path.name.lower(), ""): path for path in folders}
    if not _are_splits(named, len(folders)) or not any(map(folders_in, folders)):
        return {}
    return {name: named[name] for name in SPLITS if name in named}


def _are_splits(named: dict[str, Path], count: int) -> bool:
    """Say whether all ``count`` folders are different splits, including train."""
    return "" not in named and "train" in named and len(named) == count


def _visible(path: Path) -> bool:
    return not path.name.startswith(".") and path.name != "__MACOSX"


__all__ = ["ImageFolder", "classes_in", "folders_in", "image_files"]
