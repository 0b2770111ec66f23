"""Drawing letters: the same anywhere, plain letters only, and look-alikes once."""

import pytest
import torch

from quickstudy.tasks import glyph_rendering
from quickstudy.tasks.glyphs import SCRIPTS

FEW = "ԱԲהאבⴰⴱກაQHBجϞ"


def test_the_number_of_threads_and_the_default_dtype_change_nothing() -> None:
    letters = glyph_rendering.find_letters(SCRIPTS["test"], FEW)
    expected, threads = glyph_rendering.draw(letters, 0), torch.get_num_threads()
    try:
        torch.set_num_threads(3 - min(threads, 2))
        torch.set_default_dtype(torch.float64)
        assert torch.equal(glyph_rendering.draw(letters, 0), expected)
    finally:
        torch.set_num_threads(threads)
        torch.set_default_dtype(torch.float32)


def test_lookalikes_are_one_class() -> None:
    letters = glyph_rendering.find_letters(("LATIN", "GREEK", "CYRILLIC"), "AΑАOoQ")
    assert [letter.character for letter in letters] == ["A", "O", "Q", "o", "Α", "А"]
    assert [letter.name for letter in glyph_rendering.without_lookalikes(letters)] == [
        "LATIN CAPITAL LETTER A",
        "LATIN CAPITAL LETTER O",
        "LATIN CAPITAL LETTER Q",
    ]


@pytest.mark.parametrize(
    ("character", "script"),
    [
        ("a", "LATIN"),
        ("ж", None),
        ("é", None),
        ("ﬁ", None),
        ("ʰ", None),
        ("𝔸", None),
        ("1", None),
        ("ᐁ", "CANADIAN SYLLABICS"),
        ("\ue000", None),
    ],
)
def test_only_plain_letters_of_the_scripts_asked_for_count(
    character: str, script: str | None
) -> None:
    assert glyph_rendering.script_of(character, ("LATIN", "CANADIAN SYLLABICS")) == script


def test_without_noise_a_drawing_is_the_image_at_half_its_size() -> None:
    """A full canvas stays full, an empty one empty; ink in one half stays there."""
    size, canvas = glyph_rendering.SIZE, glyph_rendering.CANVAS
    images = torch.zeros(3, 1, canvas, canvas)
    images[0, :, :, : canvas // 2] = 1
    images[1] = 1
    noise = torch.zeros(3, 7 + 2 * glyph_rendering.KNOTS**2)
    half, full, empty = glyph_rendering.distort(images, noise)
    assert half[0, :, : size // 2].eq(1).all() and half[0, :, size // 2 :].eq(0).all()
    assert full.eq(1).all() and empty.eq(0).all()
