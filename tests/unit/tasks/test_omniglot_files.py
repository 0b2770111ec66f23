"""Omniglot's files: zips and trees give the same array, and the cache is used only if it fits."""

import os
from pathlib import Path

import numpy as np
import pytest

from quickstudy.tasks import omniglot_files
from tests.unit.tasks.omniglot_trees import drawing, zip_part


@pytest.mark.parametrize(
    "zipped", [omniglot_files.PARTS[:1], omniglot_files.PARTS[1:], omniglot_files.PARTS]
)
def test_zips_and_trees_are_the_same_mixed_or_not(
    tree: Path, cache: Path, zipped: tuple[str, ...]
) -> None:
    expected = omniglot_files.pack_drawings(tree)
    for part in zipped:
        zip_part(tree, part)
    found = omniglot_files.pack_drawings(tree)
    assert found.names == expected.names
    assert found.num_background == 4
    assert np.array_equal(found.images, expected.images)
    assert np.array_equal(found.sizes, expected.sizes)


def test_cache_is_used_and_made_again(
    tree: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Path] = []
    pack = omniglot_files.pack_drawings

    def counted(root: Path, resize: omniglot_files.Resize) -> omniglot_files.Packed:
        calls.append(root)
        return pack(root, resize)

    monkeypatch.setattr(omniglot_files, "pack_drawings", counted)
    first = omniglot_files.load_drawings(tree, cache)
    again = omniglot_files.load_drawings(tree, cache)
    assert len(calls) == 1
    assert again.names == first.names
    assert again.num_background == first.num_background
    assert np.array_equal(again.images, first.images)
    assert np.array_equal(again.sizes, first.sizes)
    (path,) = cache.iterdir()
    whole = path.read_bytes()
    for damaged in (b"", whole[:-1], whole[:200] + bytes([whole[200] ^ 1]) + whole[201:]):
        path.write_bytes(damaged)
        assert np.array_equal(omniglot_files.load_drawings(tree, cache).images, first.images)
        assert path.read_bytes() == whole
    assert len(calls) == 4
    changed = tree / "images_background/Greek/character01/0000_01.png"
    changed.write_bytes(drawing(80))
    os.utime(changed, (2e9, 2e9))
    assert not np.array_equal(omniglot_files.load_drawings(tree, cache).images, first.images)
    assert len(calls) == 5
    assert len(list(cache.iterdir())) == 1
    zip_part(tree, "images_background", keep=True)
    omniglot_files.load_drawings(tree, cache)
    assert len(calls) == 6
