"""What a path holds is told without loading it."""

import numpy as np
import pytest

from quickstudy.cli import catalog
from quickstudy.errors import UserError


def test_names_and_paths(tmp_path):
    assert catalog.path_of("models", "mlp") == "quickstudy.models.mlp:MLP"
    assert catalog.path_of("models", "mine.nets:Net") == "mine.nets:Net"
    (tmp_path / "pictures" / "a").mkdir(parents=True)
    (tmp_path / "omniglot" / "images_background").mkdir(parents=True)
    for name in ("t.csv", "t.parquet", "t.npz", "t.txt"):
        (tmp_path / name).touch()
    found = {
        name: catalog.source_of(str(tmp_path / name))
        for name in ("pictures", "omniglot", "t.csv", "t.parquet", "t.npz")
    }
    assert list(found.values()) == ["images", "omniglot", "table", "table", "arrays"]
    with pytest.raises(UserError, match=r"Found the file .*t.txt, which ends in '.txt'"):
        catalog.source_of(str(tmp_path / "t.txt"))


@pytest.mark.parametrize(
    ("shape", "images"), [((6, 8, 8), True), ((6, 3, 8, 8), True), ((6, 4), False), ((6,), False)]
)
def test_arrays_of_images_are_known_by_their_header(tmp_path, shape, images):
    np.savez(tmp_path / "x.npz", x=np.zeros(shape), y=np.arange(6) % 2)
    assert catalog.holds_images(str(tmp_path / "x.npz")) == images


def test_a_file_that_is_no_archive(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"no")
    assert catalog.holds_images(str(tmp_path / "x.npz")) is False


def test_a_class_of_the_users_may_hold_anything():
    assert catalog.holds_images("mine.data:Pictures") is None
    assert catalog.holds_images("glyphs") and not catalog.holds_images("sinusoid")
