"""Glyphs: what its classes are, that it is the same everywhere, and its cache."""

import dataclasses
import functools
from pathlib import Path

import numpy as np
import pytest
import torch

from quickstudy.cache import cache_folder, write_atomically
from quickstudy.errors import UserError
from quickstudy.random import Moment
from quickstudy.tasks import glyph_rendering, glyphs
from quickstudy.tasks.glyphs import Glyphs

FEW = "ԱԲהאבⴰⴱກაQHBجϞ"
SPLITS = ("train", "validation", "test")
render = glyphs._render


@pytest.fixture(scope="module")
def every() -> Glyphs:
    return Glyphs(rotations="none")  # from the session's cache


@functools.cache
def few(seed: int) -> glyphs.Drawings:
    return render(seed, FEW)


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A few letters stand for all; the list holds the seed of every rendering so far."""
    seeds: list[int] = []

    def render_few(seed: int) -> glyphs.Drawings:
        seeds.append(seed)
        return few(seed)

    monkeypatch.setattr(glyphs, "_render", render_few)
    return seeds


def test_there_are_a_thousand_classes_and_train_has_most(every: Glyphs) -> None:
    train, validation, test = (every.split(name).num_classes for name in SPLITS)
    assert train + validation + test >= 1000
    assert train > 700 and validation >= 100 and test >= 100


def test_no_class_and_no_script_stands_in_two_splits(every: Glyphs) -> None:
    names = [name for split in SPLITS for name in every.split(split).names]
    scripts = [script for split in SPLITS for script in every.scripts[split]]
    assert len(set(names)) == len(names)
    assert len(set(scripts)) == len(scripts)
    assert all(every.split(split).group_names == every.scripts[split] for split in SPLITS)


def test_every_class_is_of_the_script_its_name_begins_with(every: Glyphs) -> None:
    for split in SPLITS:
        pool = every.split(split)
        assert all(
            name.startswith(pool.group_names[group])
            for name, group in zip(pool.names, pool.groups.tolist(), strict=True)
        )


def test_scripts_to_test_on_have_twenty_classes_each(every: Glyphs) -> None:
    for split in ("validation", "test"):
        assert every.split(split).groups.bincount().min() >= 20


@pytest.mark.parametrize("split", SPLITS)
def test_drawings_are_ink_on_empty_paper_and_all_differ(every: Glyphs, split: str) -> None:
    pool = every.split(split)
    assert pool.x.dtype == torch.uint8 and pool.x.shape == (20 * pool.num_classes, 28, 28)
    assert pool.label == f"glyphs/{split}"
    assert torch.equal(pool.start, 20 * torch.arange(pool.num_classes)) and bool(
        (pool.size == 20).all()
    )
    assert pool.x.flatten(1).amax(1).min() >= 128, "an empty drawing"
    assert pool.x.max() == 255
    ink = pool.x.double().mean() / 255
    assert 0.05 < ink < 0.35
    assert len(np.unique(pool.x.flatten(1).numpy(), axis=0)) == len(pool.x), (
        "two drawings are the same"
    )


def test_pixels_alone_are_neither_useless_nor_enough(every: Glyphs) -> None:
    episode = every.split("test").episodes(way=5, shot=1, query=5).sample(200, Moment(0, "test"))
    nearest = torch.cdist(episode.query.x.flatten(2), episode.support.x.flatten(2)).argmin(-1)
    accuracy = (episode.support.y.gather(1, nearest) == episode.query.y).double().mean()
    assert 0.5 < accuracy < 0.9


def test_an_episode_has_the_right_shape(every: Glyphs) -> None:
    episode = (
        every.split("test")
        .episodes(way=20, shot=1, query=3, within_group=True)
        .sample(2, Moment(0, "test"))
    )
    assert episode.support.x.shape == (2, 20, 1, 28, 28)
    assert episode.query.x.shape == (2, 60, 1, 28, 28)
    assert episode.query.x.min() >= 0 and episode.query.x.max() <= 1


@pytest.mark.parametrize("name", ["Test", "", "all"])
def test_there_is_no_other_split(every: Glyphs, name: str) -> None:
    with pytest.raises(
        UserError, match=r"`split` should be one of 'train', 'validation', 'test'\. Found"
    ):
        every.split(name)


def test_two_renderings_are_the_same_bytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(glyphs, "_render", lambda seed: render(seed, FEW))
    first, second = (
        Glyphs(seed=3, cache=tmp_path / "one"),
        Glyphs(seed=3, cache=str(tmp_path / "two")),
    )
    assert torch.equal(first._x, second._x)
    (one,), (two,) = ((tmp_path / folder).iterdir() for folder in ("one", "two"))
    assert one.name == two.name and one.read_bytes() == two.read_bytes()


def test_the_number_of_threads_and_the_default_dtype_change_nothing() -> None:
    letters = glyph_rendering.find_letters(glyphs.SCRIPTS["test"], FEW)
    expected, threads = glyph_rendering.draw(letters, 0), torch.get_num_threads()
    try:
        torch.set_num_threads(3 - min(threads, 2))
        torch.set_default_dtype(torch.float64)
        assert torch.equal(glyph_rendering.draw(letters, 0), expected)
    finally:
        torch.set_num_threads(threads)
        torch.set_default_dtype(torch.float32)


def test_a_letter_is_drawn_the_same_whichever_others_are_drawn(every: Glyphs) -> None:
    x, names, _ = few(0)
    pools = [every.split(split) for split in SPLITS]
    for name, drawings in zip(names, x, strict=True):
        (pool,) = (pool for pool in pools if name in pool.names)
        start = int(pool.start[pool.names.index(name)])
        assert torch.equal(pool.x[start : start + 20], drawings)


def test_another_seed_draws_the_same_letters_differently(
    rendered: list[int], tmp_path: Path
) -> None:
    first, second = Glyphs(seed=0, cache=tmp_path), Glyphs(seed=1, cache=tmp_path)
    assert first._names == second._names
    assert not bool((first._x == second._x).flatten(1).all(1).any())
    assert len(list(tmp_path.iterdir())) == 2


def test_the_second_construction_reads_the_cache(rendered: list[int], tmp_path: Path) -> None:
    first, second = Glyphs(cache=tmp_path), Glyphs(cache=tmp_path)
    assert rendered == [0]
    assert second.seed == 0 and second.cache == tmp_path
    for split in SPLITS:
        for field in dataclasses.fields(first.split(split)):
            a, b = getattr(first.split(split), field.name), getattr(second.split(split), field.name)
            assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "other"])
def test_a_damaged_cache_is_replaced(rendered: list[int], tmp_path: Path, damage: str) -> None:
    Glyphs(cache=tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    path.write_bytes(
        {"empty": b"", "cut": whole[:-100], "flipped": flipped, "other": b"no cache at all"}[damage]
    )
    Glyphs(cache=tmp_path)
    assert rendered == [0, 0]
    assert path.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [path]


def test_a_cache_that_cannot_be_written_is_done_without(
    rendered: list[int], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.warns(UserWarning, match="cannot be written"):
        assert Glyphs(cache=tmp_path / "file").split("test").num_classes > 0


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


def test_the_cache_folder_is_what_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("QUICKSTUDY_CACHE", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "shared"))
    assert cache_folder(Path("given")) == Path("given")
    assert cache_folder() == tmp_path / "own"
    monkeypatch.delenv("QUICKSTUDY_CACHE")
    assert cache_folder() == tmp_path / "shared" / "quickstudy"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == tmp_path / ".cache" / "quickstudy"


def test_a_write_that_fails_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "new" / "file"
    write_atomically(path, b"old")
    write_atomically(path, b"longer than before")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, b"lost")
    assert path.read_bytes() == b"longer than before"
    assert list(path.parent.iterdir()) == [path]
