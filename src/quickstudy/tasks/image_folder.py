"""The files of a folder of images: which class and which split each is of."""

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
"""How people call the splits."""


@dataclass
class ImageFolder:
    """What is in a folder of images.

    Attributes:
        classes: The images of every class.
        splits: The split of every class; empty if nothing says it.
        how: What says the splits, in words.
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
        parts = _split_folders(folder) if splits is None else {}
        found = cls()
        if not parts:
            found.classes, found.skipped = classes_in(folder)
        for name, path in parts.items():
            classes, skipped = classes_in(path)
            found._add(name, classes)
            found.skipped += skipped
        if parts:
            found.how = f"the folders {', '.join(path.name for path in parts.values())}"
        if splits is not None:
            found._divide(folder, splits)
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
        """Keep the classes, or the images, that ``file`` names, in the split it says."""
        by_class, rows = _read_splits(file)
        kept = dict[str, list[Path]]()
        unknown = set(rows)
        for name, paths in self.classes.items():
            for path in paths:
                names = (name,) if by_class else (path.relative_to(folder).as_posix(), path.name)
                key = next((one for one in names if one in rows), None)
                if key is None:
                    continue
                unknown.discard(key)
                other = self.splits.setdefault(name, rows[key])
                require(
                    other == rows[key],
                    f"{file} should put every class into one split. Found images of {name!r} in "
                    f"{other!r} and {rows[key]!r}.",
                )
                kept.setdefault(name, []).append(path)
        what = "classes" if by_class else "images"
        require(
            not unknown,
            f"{file} should name {what} that {folder} has. Found {sorted(unknown)[:1]}, which it "
            "has not.",
        )
        left = [path for paths in self.classes.values() for path in paths]
        chosen = {path for paths in kept.values() for path in paths}
        self.skipped += tuple(path for path in left if path not in chosen)
        self.classes, self.how = kept, str(file)


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
    classes, written = dict[str, list[Path]](), dict[str, str]()
    skipped = [path for paths in image_files(folder) for path in paths]
    for part in folders_in(folder):
        name = unicodedata.normalize("NFC", part.name).strip()
        require(
            name not in classes,
            f"Class names in {folder} should differ. Found {part.name!r} and "
            f"{written.get(name)!r}: rename one.",
        )
        below = [path.name for path in folders_in(part)]
        require(
            not below,
            f"Class folder {part} should hold only images. Found folder "
            f"{below[0] if below else ''!r} in it: give the folder whose subfolders are the "
            "classes.",
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


def image_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """Give the images directly in ``folder``, sorted, and the other files that are not hidden."""
    files = sorted(path for path in folder.iterdir() if _visible(path) and not path.is_dir())
    images = [path for path in files if path.suffix.lower() in SUFFIXES]
    return images, [path for path in files if path not in set(images)]


def folders_in(folder: Path) -> list[Path]:
    """Give the folders directly in ``folder`` that are not hidden, sorted."""
    return sorted(path for path in folder.iterdir() if _visible(path) and path.is_dir())


def _split_folders(folder: Path) -> dict[str, Path]:
    """The folders of the splits in ``folder``; none if its folders are classes."""
    folders = folders_in(folder) if folder.is_dir() else []
    named = {NAMES.get(path.name.lower(), ""): path for path in folders}
    all_splits = "" not in named and "train" in named and len(named) == len(folders)
    if not all_splits or not any(folders_in(path) for path in folders):
        return {}
    return {name: named[name] for name in SPLITS if name in named}


def _read_splits(file: Path) -> tuple[bool, dict[str, str]]:
    """Whether ``file`` names classes, and the split of every class or image that it names."""
    require(file.is_file(), f"The file of splits should be a CSV file. There is no file {file}.")
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            rows = list(csv.DictReader(opened))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{file} should be a CSV file in UTF-8. It cannot be read: {error}.") from (
            error
        )
    columns = list(rows[0]) if rows else []
    key = next((name for name in ("class", "filename") if name in columns), None)
    if key is None or "split" not in columns:
        raise UserError(
            f"{file} should have a column split and a column class or filename. Found "
            f"{', '.join(columns) or 'no rows'}."
        )
    found = {unicodedata.normalize("NFC", row[key]).strip(): row["split"].strip() for row in rows}
    wrong = sorted({split for split in found.values() if split.lower() not in NAMES})
    require(
        not wrong,
        f"Column split of {file} should hold {', '.join(SPLITS)}. Found {wrong[:1]}.",
    )
    return key == "class", {name: NAMES[split.lower()] for name, split in found.items()}


def _visible(path: Path) -> bool:
    return not path.name.startswith(".") and path.name != "__MACOSX"


__all__ = ["ImageFolder", "classes_in", "folders_in", "image_files"]
