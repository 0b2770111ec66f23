"""What a path holds is told without loading it."""

import sys
from importlib.machinery import ModuleSpec
from types import SimpleNamespace

import numpy as np
import pytest

from quickstudy.cli import catalog
from quickstudy.cli.asked import asked
from quickstudy.errors import UserError


def test_names_and_paths(tmp_path):
    assert catalog.place_of("models", "mlp") == "quickstudy.models.mlp:MLP"
    assert catalog.place_of("models", "mine.nets:Net") == "mine.nets:Net"
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


def test_without_timm_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    told = r"one of timm \(not installed here: pip install timm\)\. Found 'resnet18'"
    with pytest.raises(UserError, match=told):
        catalog.place_of("models", "resnet18")


def test_with_timm_its_models_are_known_and_have_no_options(monkeypatch):
    spec = ModuleSpec("timm", None)
    timm = SimpleNamespace(__spec__=spec, is_model="resnet18".__eq__, create_model=None)
    monkeypatch.setitem(sys.modules, "timm", timm)
    assert catalog.place_of("models", "resnet18") == "timm:resnet18"
    assert catalog.options_of("models", "resnet18") == []
    found = asked("protonet", ["--data", "glyphs", "--model", "resnet18"])
    assert found.choice.network == "resnet18" and found.of("model") == {}
    with pytest.raises(UserError, match="Found 'resnet9000', which timm does not know"):
        catalog.place_of("models", "resnet9000")
    with pytest.raises(UserError, match=r"The learner should be one of maml.* Found 'resnet18'"):
        catalog.place_of("learners", "resnet18")


def test_classes_that_draw_tasks_are_told_from_data():
    assert catalog.draws_tasks("quickstudy.tasks:Family")
    assert not catalog.draws_tasks("quickstudy.tasks:Line") and not catalog.draws_tasks("line")
