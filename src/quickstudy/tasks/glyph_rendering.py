"""Letters of many scripts, rendered from matplotlib's fonts and drawn as if by many hands."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import torch
from fontTools.ttLib import TTFont
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample, interpolate, max_pool2d

from quickstudy.random import generator

SIZE = 28  # side of a drawing in pixels
NUM_DRAWINGS = 20  # of every letter
FACES = re.compile(
    "DejaVuSans(Mono)?(-(Bold|Oblique|BoldOblique))?"
    "|DejaVuSerif(-(Bold|Italic|BoldItalic))?"
    "|STIXGeneral(Bol|BolIta|Italic)?"
)
"""Faces of text; the others hold symbols, or map letters to other shapes."""
CANVAS = 2 * SIZE  # letters are rendered and distorted at twice the size
FIT = 38  # the longer side of a letter on the canvas
POINTS = 96  # size at which a font is rasterised, before fitting
ALIKE = 0.92  # mean correlation, over the shared faces, from which two letters count as one
KNOTS = 5  # side of the grid of random displacements behind an elastic distortion

Faces = dict[str, NDArray[np.uint8]]
"""Renderings of one letter, by the name of the face."""


@dataclass(frozen=True, eq=False)
class Letter:
    """A letter and its renderings.

    Attributes:
        character: The letter itself.
        script: The script it belongs to, e.g. ``"GREEK"``.
        faces: Its rendering ``uint8 [CANVAS, CANVAS]`` in every face, by the face's name.
    """

    character: str
    script: str
    faces: Faces

    @property
    def name(self) -> str:
        """Its name in the Unicode standard."""
        return unicodedata.name(self.character)


def script_of(character: str, scripts: Iterable[str]) -> str | None:
    """Find the script among ``scripts`` of a plain letter; None for other characters.

    The name of a letter begins with the name of its script. Plain letters have a category Ll, Lu,
    Lt or Lo and no decomposition: accented letters, ligatures and presentation forms are variants
    of a letter rather than letters to tell apart.
    """
    if not _is_plain(character):
        return None
    name = unicodedata.name(character, "")
    return next((script for script in scripts if name.startswith(f"{script} ")), None)


def _is_plain(character: str) -> bool:
    is_letter = unicodedata.category(character) in ("Ll", "Lu", "Lt", "Lo")
    return is_letter and not unicodedata.decomposition(character)


def find_letters(scripts: Sequence[str], characters: str | None = None) -> list[Letter]:
    """Find the letters of ``scripts`` that look different in at least two faces.

    They are sorted by script, then by code point.

    Args:
        scripts: Script names as they begin the names of characters, in order of precedence.
        characters: Look only for these.
    """
    faces = _faces_of(scripts, characters)
    letters = [
        Letter(character, script_of(character, scripts) or "", looks)
        for character, looks in faces.items()
        if _num_looks(looks) > 1
    ]
    return sorted(letters, key=lambda letter: (scripts.index(letter.script), letter.character))


def _faces_of(scripts: Sequence[str], characters: str | None) -> dict[str, Faces]:
    """Render the letters of ``scripts`` in every face that has them."""
    faces: dict[str, Faces] = {}
    for path in _fonts():
        for character, image in _rasterised(path, _wanted(path, scripts, characters)).items():
            faces.setdefault(character, {})[path.stem] = image
    return faces


def _wanted(path: Path, scripts: Sequence[str], characters: str | None) -> set[str]:
    """Give the letters of ``scripts`` that a font has."""
    mapped = _characters_of(path)
    return {c for c in mapped if script_of(c, scripts)} & set(characters or mapped)


def _fonts() -> list[Path]:
    """List the files of the text faces that matplotlib ships."""
    folder = Path(matplotlib.get_data_path()) / "fonts/ttf"
    return [path for path in sorted(folder.glob("*.ttf")) if FACES.fullmatch(path.stem)]


def _characters_of(path: Path) -> set[str]:
    """Give the characters that a font has a glyph for."""
    with TTFont(path, lazy=True) as font:
        return {chr(code) for code, glyph in font.getBestCmap().items() if glyph != ".notdef"}


def _rasterised(path: Path, characters: Iterable[str]) -> dict[str, NDArray[np.uint8]]:
    """Draw the ``characters`` that leave ink in a font."""
    font = ImageFont.truetype(path, POINTS, layout_engine=ImageFont.Layout.BASIC)
    drawn = {character: rasterise(font, character) for character in sorted(characters)}
    return {character: image for character, image in drawn.items() if image is not None}


def _num_looks(faces: Faces) -> int:
    return len({image.tobytes() for image in faces.values()})


def rasterise(font: ImageFont.FreeTypeFont, character: str) -> NDArray[np.uint8] | None:
    """Draw the character in the centre of a canvas ``uint8 [CANVAS, CANVAS]``.

    Its longer side is ``FIT``. The result is None if it leaves no ink.
    """
    ink = _cropped(font, character)
    return None if ink is None else np.asarray(_centred(_fitted(ink)))


def _cropped(font: ImageFont.FreeTypeFont, character: str) -> Image.Image | None:
    """Draw the character without a margin; None if it leaves no ink."""
    large = _inked(font, character)
    if large is None or (box := large.getbbox()) is None:
        return None
    return large.crop(box)


def _centred(small: Image.Image) -> Image.Image:
    """Put an image in the centre of a canvas."""
    canvas = Image.new("L", (CANVAS, CANVAS))
    canvas.paste(small, ((CANVAS - small.width) // 2, (CANVAS - small.height) // 2))
    return canvas


def _inked(font: ImageFont.FreeTypeFont, character: str) -> Image.Image | None:
    """Draw the character in the size of the font; None if it has no extent."""
    left, top, right, bottom = font.getbbox(character)
    width, height = int(right - left), int(bottom - top)
    if min(width, height) < 1:
        return None
    large = Image.new("L", (width, height))
    ImageDraw.Draw(large).text((-left, -top), character, fill=255, font=font)
    return large


def _fitted(large: Image.Image) -> Image.Image:
    """Resize an image so that its longer side is ``FIT``."""
    scale = FIT / max(large.size)
    size = (_pixels(large.width * scale), _pixels(large.height * scale))
    return large.resize(size, Image.Resampling.BOX)


def _pixels(length: float) -> int:
    return max(1, round(length))


def similarity(letters: Sequence[Letter]) -> NDArray[np.float64]:
    """Measure the visual similarity of letters ``[letter, letter]``.

    It is the correlation of their blurred images, averaged over the faces that have both, and 0 if
    they share no face. Inner products are taken over integers in float64. They are therefore exact,
    and do not depend on the order of summation.
    """
    total, shared = (np.zeros((len(letters), len(letters))) for _ in range(2))
    for face in sorted({face for letter in letters for face in letter.faces}):
        rows = [row for row, letter in enumerate(letters) if face in letter.faces]
        images = np.stack([letters[row].faces[face] for row in rows])
        total[np.ix_(rows, rows)] += _correlations(images)
        shared[np.ix_(rows, rows)] += 1
    return total / np.maximum(shared, 1)


def _correlations(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Give the correlations ``[image, image]`` of blurred images."""
    blurred = _blurred(images)
    centred = blurred * blurred.shape[1] - blurred.sum(1, keepdims=True)
    products = centred @ centred.T
    length = np.sqrt(np.diagonal(products))
    correlations: NDArray[np.float64] = products / (length[:, None] * length)
    return correlations


def _blurred(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Give the sums of ink in overlapping squares, whole numbers ``[image, square]``."""
    pooled = avg_pool2d(torch.from_numpy(images).double(), 6, stride=4)
    sums: NDArray[np.float64] = (pooled * 36).round().flatten(1).numpy()
    return sums


def without_lookalikes(letters: Sequence[Letter]) -> list[Letter]:
    """Keep the letters that do not look like a letter kept before them.

    If Latin A is first, Greek Alpha goes; O stays, o goes.
    """
    alike = similarity(letters) >= ALIKE
    kept: list[int] = []
    for row in range(len(letters)):
        if not alike[row, kept].any():
            kept.append(row)
    return [letters[row] for row in kept]


def draw(letters: Sequence[Letter], seed: int) -> Tensor:
    """Make ``NUM_DRAWINGS`` drawings of every letter, ink 255.

    The shape is ``uint8 [letter, drawing, SIZE, SIZE]``. The drawings cycle through the faces of
    the letter. The distortions come from ``generator(seed, "glyphs", code point)``, so they do not
    depend on the other letters.
    """
    return torch.cat(
        [_draw(letters[first : first + 32], seed) for first in range(0, len(letters), 32)]
    )


def _draw(letters: Sequence[Letter], seed: int) -> Tensor:
    noise = torch.cat([_noise(letter, seed) for letter in letters])
    drawings = distort(_undistorted(letters), noise)
    return (drawings * 255).round().to(torch.uint8).reshape(len(letters), NUM_DRAWINGS, SIZE, SIZE)


def _undistorted(letters: Sequence[Letter]) -> Tensor:
    """Give the image of every drawing ``[drawing, 1, CANVAS, CANVAS]`` in ``[0, 1]``."""
    images = np.stack([look for letter in letters for look in _looks(letter)])
    return torch.from_numpy(images).unsqueeze(1).float() / 255


def _looks(letter: Letter) -> list[NDArray[np.uint8]]:
    """Give the undistorted image of every drawing: its faces in turn."""
    faces = [letter.faces[face] for face in sorted(letter.faces)]
    return [faces[drawing % len(faces)] for drawing in range(NUM_DRAWINGS)]


def _noise(letter: Letter, seed: int) -> Tensor:
    """Draw the noise of the distortions of a letter, one row for each drawing."""
    stream = generator(seed, "glyphs", ord(letter.character))
    return torch.randn(NUM_DRAWINGS, 7 + 2 * KNOTS**2, generator=stream, dtype=torch.float32)


def distort(images: Tensor, noise: Tensor) -> Tensor:
    """Rotate, shear, scale, shift and bend every image, its strokes thicker or thinner.

    Args:
        images: ``[image, 1, CANVAS, CANVAS]`` in ``[0, 1]``.
        noise: Standard normal ``[image, 7 + 2 KNOTS²]``.

    Returns:
        ``[image, 1, SIZE, SIZE]`` in ``[0, 1]``.
    """
    noise = noise.clamp(-2, 2)
    grid = affine_grid(_affine(noise), list(images.shape), align_corners=False)
    bent = grid_sample(images, grid + _bend(noise), align_corners=False)
    stroked = _stroked(bent, noise[:, 4].reshape(-1, 1, 1, 1))
    return _reduced(stroked)


def _reduced(images: Tensor) -> Tensor:
    """Halve the size of images, and raise their contrast."""
    return ((avg_pool2d(images, 2) - 0.1) * 1.6).clamp(0, 1)


def _bend(noise: Tensor) -> Tensor:
    """Give the smooth displacements ``[image, CANVAS, CANVAS, 2]``."""
    knots = 0.05 * noise[:, 7:].reshape(-1, 2, KNOTS, KNOTS)
    bend = interpolate(knots, size=(CANVAS, CANVAS), mode="bicubic", align_corners=True)
    return bend.permute(0, 2, 3, 1)


def _stroked(images: Tensor, stroke: Tensor) -> Tensor:
    """Thicken strokes if ``stroke`` is positive, and thin them if it is negative."""
    # the darkest neighbour thickens, the palest thins
    sign = torch.where(stroke > 0, 1.0, -0.7).to(images)
    extreme = max_pool2d(images * sign, 3, 1, 1) / sign
    return images + (stroke * sign / 2) * (extreme - images)


def _affine(noise: Tensor) -> Tensor:
    """Give the rotations, shears, scales and shifts ``[image, 2, 3]``."""
    angle, shear = 0.13 * noise[:, 0], 0.12 * noise[:, 1]
    wide, high = (0.08 * noise[:, 2:4]).exp().unbind(1)
    cos, sin = angle.cos(), angle.sin()
    first = torch.stack([wide * cos, wide * (shear * cos - sin), 0.045 * noise[:, 5]], 1)
    second = torch.stack([high * sin, high * (shear * sin + cos), 0.045 * noise[:, 6]], 1)
    return torch.stack([first, second], 1)
