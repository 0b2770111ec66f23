"""Omniglot's reader on trees and zips of a few drawings, whole and broken in every way."""

import hashlib
import io
import os
import shutil
import urllib.error
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from quickstudy.errors import UserError
from quickstudy.tasks import omniglot_files
from quickstudy.tasks.omniglot import Omniglot

BACKGROUND = {
    "Greek/character01": 3,
    "Greek/character02": 2,
    "Latin/character01": 3,
    "N_Ko/character01": 3,
}
EVALUATION = {"ULOG/character01": 4, "ULOG/character02": 3}


def drawing(row: int) -> bytes:
    """A 1-bit PNG as in Omniglot: ink 0 on 1, a thick bar ``row`` rows below the top, on the left
    half."""
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


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "omniglot")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_reads_trees(tree: Path, cache: Path) -> None:
    test = Omniglot(tree, cache, validation_alphabets=1).split("test")
    assert test.names == tuple(EVALUATION)
    assert test.size.tolist() == [4, 3]
    assert test.start.tolist() == [0, 4]
    assert test.x.shape == (7, 28, 28)
    assert test.x.dtype == torch.uint8
    assert (test.group_names, test.groups.tolist(), test.label) == (
        ("ULOG",),
        [0, 0],
        "omniglot/test",
    )


def test_ink_is_bright_and_upright(tree: Path, cache: Path) -> None:
    image = Omniglot(tree, cache, validation_alphabets=1).split("test").x[0]
    assert image[:5, :12].amax() == 255
    assert image[8:].amax() == 0
    assert image[:, 16:].amax() == 0


@pytest.mark.parametrize(
    "zipped", [omniglot_files.PARTS[:1], omniglot_files.PARTS[1:], omniglot_files.PARTS]
)
def test_zips_and_trees_are_the_same_mixed_or_not(
    tree: Path, cache: Path, zipped: tuple[str, ...]
) -> None:
    expected = omniglot_files.pack(tree)
    for part in zipped:
        zip_part(tree, part)
    found = omniglot_files.pack(tree)
    assert found.names == expected.names
    assert found.num_background == 4
    assert np.array_equal(found.images, expected.images)
    assert np.array_equal(found.sizes, expected.sizes)


def test_parameters_are_stored(tree: Path, cache: Path) -> None:
    source = Omniglot(
        str(tree), cache=str(cache), rotations="none", validation_alphabets=1, resize="nearest"
    )
    assert (source.root, source.cache, source.split_by) == (str(tree), str(cache), "alphabets")
    assert (source.rotations, source.validation_alphabets, source.resize) == ("none", 1, "nearest")
    assert set(source.split("test").x.unique().tolist()) == {0, 255}


@given(
    validation_alphabets=st.integers(0, 2), rotations=st.sampled_from(["classes", "task", "none"])
)
@settings(max_examples=6, deadline=None)
def test_alphabets_train_or_validate(
    tmp_path_factory: pytest.TempPathFactory, validation_alphabets: int, rotations: str
) -> None:
    root = tmp_path_factory.getbasetemp() / "shared_omniglot"
    if not root.exists():
        make_tree(root)
    source = Omniglot(
        root,
        root.parent / "shared_cache",
        rotations=rotations,
        validation_alphabets=validation_alphabets,
    )
    train = source.split("train")
    assert train.num_rotations == (1 if rotations == "none" else 4)
    assert len(train.group_names) == 3 - validation_alphabets
    if validation_alphabets == 0:
        with pytest.raises(UserError, match="validation_alphabets=0"):
            source.split("validation")
        return
    validation = source.split("validation")
    assert validation.num_rotations == 1
    assert source.split("test").num_rotations == 1
    assert not set(train.group_names) & set(validation.group_names)
    assert len(train.x) // train.num_rotations + len(validation.x) == sum(BACKGROUND.values())


@pytest.mark.parametrize("folder", ["", "vinyals"])
def test_vinyals_lines_are_the_classes(tree: Path, cache: Path, folder: str) -> None:
    write_splits(tree / folder)
    source = Omniglot(tree, cache, split_by="vinyals")
    train = source.split("train")
    lines = tuple((tree / folder / "train.txt").read_text().split())
    assert train.names == lines
    assert train.num_rotations == 4
    assert train.group_names == ("ULOG", "Greek")
    assert train.size.tolist() == [4] * 4 + [2] * 4
    assert torch.equal(train.x[train.start[1]], torch.rot90(train.x[0], 1))
    upright = Omniglot(tree, cache, split_by="vinyals", rotations="none").split("validation")
    assert upright.names == ("N_Ko/character01",)
    assert upright.num_rotations == 1


def test_vinyals_files_with_some_rotations(tree: Path, cache: Path) -> None:
    write_splits(
        tree,
        train="Latin/character01/rot180\n\nGreek/character01/rot000\nLatin/character01/rot000\n",
    )
    train = Omniglot(tree, cache, split_by="vinyals").split("train")
    assert train.names == (
        "Latin/character01/rot000",
        "Latin/character01/rot180",
        "Greek/character01/rot000",
    )
    assert train.num_rotations == 1
    assert torch.equal(train.x[train.start[1]], torch.rot90(train.x[train.start[0]], 2))


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ("", r"train\.txt is empty"),
        ("Greek/character99/rot000\n", r"line 1: there is no character 'Greek/character99'"),
        ("Greek/character01/rot000\nGreek/character01/rot045\n", "line 2: expected Alphabet"),
        ("Greek/character01/rot000\nGreek/character01/rot000\n", "line 2: .* twice"),
    ],
)
def test_bad_split_files(tree: Path, cache: Path, train: str, message: str) -> None:
    write_splits(tree, train=train)
    with pytest.raises(UserError, match=message):
        Omniglot(tree, cache, split_by="vinyals")


def test_split_files_missing_undecodable_or_without_upright(tree: Path, cache: Path) -> None:
    with pytest.raises(UserError, match=r"no split file .*train\.txt.*prototypical-networks"):
        Omniglot(tree, cache, split_by="vinyals")
    write_splits(tree, train="Greek/character01/rot090\n")
    with pytest.raises(UserError, match="no line with rot000"):
        Omniglot(tree, cache, split_by="vinyals", rotations="none").split("train")
    (tree / "train.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="cannot be read"):
        Omniglot(tree, cache, split_by="vinyals")


def _truncate_image(root: Path) -> None:
    (root / "images_background/Latin/character01/0002_02.png").write_bytes(drawing(9)[:60])


def _spoil_zipped_image(root: Path) -> None:
    path = zip_part(root, "images_evaluation")
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 6] ^= 255
    path.write_bytes(data)


def _share_alphabet(root: Path) -> None:
    shutil.copytree(root / "images_background/Greek", root / "images_evaluation/Greek")


def _empty(root: Path) -> None:
    shutil.rmtree(root / "images_background")
    (root / "images_background").mkdir()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (shutil.rmtree, "no folder .*omniglot.*github"),
        (
            lambda root: shutil.rmtree(root / "images_evaluation"),
            r"neither images_evaluation\.zip nor a folder.*download",
        ),
        (
            lambda root: (root / "images_background.zip").write_bytes(b"<html>"),
            r"images_background\.zip is not a readable zip.*github",
        ),
        (_empty, "images_background holds no drawings.*github"),
        (_truncate_image, r"0002_02\.png is not a readable image.*github"),
        (_spoil_zipped_image, r"images_evaluation\.zip.*\.png is not a readable image"),
        (_share_alphabet, r"\['Greek'\] in both"),
        (
            lambda root: (root / "images_evaluation/ULOG/character01/x.png").symlink_to("nowhere"),
            "cannot be read",
        ),
    ],
)
def test_bad_data_is_one_clear_error(
    tree: Path, cache: Path, spoil: Callable[[Path], object], message: str
) -> None:
    spoil(tree)
    with pytest.raises(UserError, match=message):
        Omniglot(tree, cache)
    assert not list(cache.glob("*"))
    assert any(omniglot_files.check(tree))


def test_bad_parameters(tree: Path, cache: Path) -> None:
    with pytest.raises(UserError, match=r"`split_by`.*'characters'"):
        Omniglot(tree, cache, split_by="characters")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"`resize`.*'cubic'"):
        Omniglot(tree, cache, resize="cubic")  # type: ignore[arg-type]
    for number in (-1, 3, 5):
        with pytest.raises(UserError, match=f"less than the 3 background.*{number}"):
            Omniglot(tree, cache, validation_alphabets=number)
    with pytest.raises(UserError, match=r"`split`.*'val'"):
        Omniglot(tree, cache, validation_alphabets=1).split("val")
    with pytest.raises(UserError, match="should not be in the data folder"):
        Omniglot(tree, tree / "cache")


def test_cache_is_used_and_made_again(
    tree: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Path] = []
    pack = omniglot_files.pack

    def counted(root: Path, resize: omniglot_files.Resize) -> omniglot_files.Packed:
        calls.append(root)
        return pack(root, resize)

    monkeypatch.setattr(omniglot_files, "pack", counted)
    first = omniglot_files.load(tree, cache)
    again = omniglot_files.load(tree, cache)
    assert len(calls) == 1
    assert again.names == first.names
    assert again.num_background == first.num_background
    assert np.array_equal(again.images, first.images)
    assert np.array_equal(again.sizes, first.sizes)
    (path,) = cache.iterdir()
    whole = path.read_bytes()
    for damaged in (b"", whole[:-1], whole[:200] + bytes([whole[200] ^ 1]) + whole[201:]):
        path.write_bytes(damaged)
        assert np.array_equal(omniglot_files.load(tree, cache).images, first.images)
        assert path.read_bytes() == whole
    assert len(calls) == 4
    changed = tree / "images_background/Greek/character01/0000_01.png"
    changed.write_bytes(drawing(80))
    os.utime(changed, (2e9, 2e9))
    assert not np.array_equal(omniglot_files.load(tree, cache).images, first.images)
    assert len(calls) == 5
    assert len(list(cache.iterdir())) == 1
    zip_part(tree, "images_background", keep=True)
    omniglot_files.load(tree, cache)
    assert len(calls) == 6


def test_a_cache_that_cannot_be_written(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UserError, match=r"cannot be written.*QUICKSTUDY_CACHE"):
        Omniglot(tree, tmp_path / "file" / "cache")


def test_default_cache_and_untouched_data(
    tree: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUICKSTUDY_CACHE", str(cache))
    before = sorted(tree.rglob("*"))
    Omniglot(tree, validation_alphabets=1)
    assert sorted(tree.rglob("*")) == before
    assert len(list(cache.iterdir())) == 1


def _serve(monkeypatch: pytest.MonkeyPatch, contents: dict[str, bytes]) -> list[str]:
    asked = []

    def urlopen(url: str, timeout: float) -> io.BytesIO:
        asked.append(url)
        name = url.rsplit("/", 1)[1]
        if name not in contents:
            raise urllib.error.URLError("no connection")
        return io.BytesIO(contents[name])

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    return asked


def test_download_takes_the_right_bytes_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = {f"{part}.zip": part.encode() for part in omniglot_files.PARTS}
    for part in omniglot_files.PARTS:
        monkeypatch.setitem(omniglot_files.MD5, part, hashlib.md5(part.encode()).hexdigest())
    asked = _serve(monkeypatch, contents)
    root = tmp_path / "new" / "omniglot"
    Omniglot.download(root)
    Omniglot.download(str(root))
    assert {path.name: path.read_bytes() for path in root.iterdir()} == contents
    assert asked == [
        f"https://raw.githubusercontent.com/brendenlake/omniglot/master/python/{part}.zip"
        for part in omniglot_files.PARTS
    ]


def test_download_refuses_wrong_bytes_and_no_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _serve(monkeypatch, {"images_background.zip": b"something else"})
    with pytest.raises(UserError, match=r"should have the MD5 68d2efa1.*14 bytes"):
        Omniglot.download(tmp_path)
    _serve(monkeypatch, {})
    with pytest.raises(UserError, match=r"cannot be fetched.*no connection"):
        Omniglot.download(tmp_path)
    assert not list(tmp_path.iterdir())
    monkeypatch.setitem(omniglot_files.MD5, "images_background", hashlib.md5(b"x").hexdigest())
    _serve(monkeypatch, {"images_background.zip": b"x"})
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UserError, match="cannot be written"):
        Omniglot.download(tmp_path / "file" / "omniglot")


def test_check(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [problem.split(" Found ")[1] for problem in omniglot_files.check(tree)] == [
        "4 and 11.",
        "2 and 7.",
    ]
    monkeypatch.setattr(
        omniglot_files, "COMPLETE", {"images_background": (4, 11), "images_evaluation": (2, 7)}
    )
    assert omniglot_files.check(str(tree)) == []
    write_splits(tree / "vinyals")
    assert omniglot_files.check(tree) == []
    (tree / "vinyals" / "val.txt").unlink()
    _truncate_image(tree)
    image, split = omniglot_files.check(tree)
    assert "0002_02.png is not a readable image" in image
    assert "val.txt" in split
