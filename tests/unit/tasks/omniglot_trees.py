"""Omniglot of a few drawings, as trees, zips and split files."""

import io
import shutil
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from quickstudy.tasks import omniglot_files

BACKGROUND = {
    "Greek/character01": 3,
    "Greek/character02": 2,
    "Latin/character01": 3,
    "N_Ko/character01": 3,
}
EVALUATION = {"ULOG/character01": 4, "ULOG/character02": 3}


def drawing(row: int) -> bytes:
    """Draw a 1-bit PNG as in Omniglot: ink 0 on 1, a thick bar ``row`` rows below the top.

    The bar is in the left half.
    """
    pixels = np.full((105, 105), 255, np.uint8)
    pixels[row : row + 12, :52] = 0
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert("1").save(buffer, "PNG")
    return buffer.getvalue()


def make_tree(root: Path) -> Path:
    for part, characters in zip(omniglot_files.PARTS, (BACKGROUND, EVALUATION), strict=True):
        for index, (character, count) in enumerate(characters.items()):
            folder = root / part / character
            folder.mkdir(parents=True)
            for drawer in range(1, count + 1):
                (folder / f"{index:04d}_{drawer:02d}.png").write_bytes(drawing(4 * index + drawer))
    return root


def zip_part(root: Path, part: str, keep: bool = False) -> Path:
    path = root / f"{part}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"__MACOSX/{part}/Greek/character01/._0000_01.png", b"not a drawing")
        for file in sorted((root / part).rglob("*"), reverse=True):
            archive.write(file, file.relative_to(root))
    if not keep:
        shutil.rmtree(root / part)
    return path


def write_splits(root: Path, train: str | None = None) -> None:
    root.mkdir(parents=True, exist_ok=True)
    turns = ("rot000", "rot090", "rot180", "rot270")
    for name, characters in {
        "train": ["ULOG/character01", "Greek/character02"],
        "val": ["N_Ko/character01"],
        "test": ["ULOG/character02"],
    }.items():
        (root / f"{name}.txt").write_text(
            "".join(f"{character}/{turn}\n" for character in characters for turn in turns)
        )
    if train is not None:
        (root / "train.txt").write_text(train)


def truncate_image(root: Path) -> None:
    (root / "images_background/Latin/character01/0002_02.png").write_bytes(drawing(9)[:60])
