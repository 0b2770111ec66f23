"""The split files of Vinyals et al.: the characters, with their rotations, of each split."""

from collections.abc import Collection
from pathlib import Path

from quickstudy.errors import UserError, require
from quickstudy.tasks.omniglot_files import advice

SPLIT_FILES = {"train": "train.txt", "validation": "val.txt", "test": "test.txt"}
SPLIT_ADVICE = (
    "Get it from github.com/jakesnell/prototypical-networks, folder "
    "data/omniglot/splits/vinyals/, or use split_by='alphabets'."
)
_ROTATION = {"rot000": 0, "rot090": 1, "rot180": 2, "rot270": 3}


def read_split(root: Path, split: str, characters: Collection[str]) -> tuple[tuple[str, int], ...]:
    """Read one of Vinyals' split files, in ``root`` or ``root/vinyals``.

    Returns:
        The character and the quarter turns that each line names.

    Raises:
        UserError: If the file is missing or empty, or a line is not
            ``Alphabet/characterNN/rotDDD``, names a character not among ``characters``, or appears
            twice.
    """
    path = _split_file(root, split)
    found: dict[tuple[str, int], None] = {}
    for place, line in _lines(path):
        character, quarter = _turned(line, place)
        require(
            character in characters,
            f"{place}: there is no character {character!r} in {root}. {advice(root)}",
        )
        require(
            (character, quarter) not in found, f"{place}: {line!r} is there twice. {SPLIT_ADVICE}"
        )
        found[character, quarter] = None
    require(bool(found), f"{path} is empty. {SPLIT_ADVICE}")
    return tuple(found)


def _split_file(root: Path, split: str) -> Path:
    places = [root / SPLIT_FILES[split], root / "vinyals" / SPLIT_FILES[split]]
    for place in places:
        if place.is_file():
            return place
    raise UserError(f"There is no split file {places[1]}. {SPLIT_ADVICE}")


def _lines(path: Path) -> list[tuple[str, str]]:
    """Give the non-empty lines of a split file, each after its place."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}). {SPLIT_ADVICE}") from error
    lines = enumerate(map(str.strip, text.splitlines()), start=1)
    return [(f"{path}, line {number}", line) for number, line in lines if line]


def _turned(line: str, place: str) -> tuple[str, int]:
    """Give the character and the quarter turns that a ``line`` of a split file names."""
    character, _, rotation = line.rpartition("/")
    require(
        rotation in _ROTATION,
        f"{place}: expected Alphabet/characterNN/rotDDD, DDD one of 000, 090, 180, "
        f"270. Found {line!r}. {SPLIT_ADVICE}",
    )
    return character, _ROTATION[rotation]
