"""A folder for each run, and a link to the latest."""

import re
from pathlib import Path

import pytest

from quickstudy.cli.folders import latest, link_latest, new_folder
from quickstudy.errors import UserError


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_name_of_its_own():
    first = new_folder("maml", "glyphs")
    assert re.fullmatch(r"runs/\d{4}-\d\d-\d\d-maml-glyphs", first.as_posix())
    first.mkdir(parents=True)
    assert new_folder("maml", "glyphs").name == f"{first.name}-2"
    Path("my pictures").mkdir()
    assert new_folder("mine.learners:Mine", "my pictures").name.endswith("-Mine-my-pictures")


def test_the_latest():
    with pytest.raises(UserError, match="there is no runs/latest"):
        latest()
    for name in ("a", "b"):
        Path("runs", name).mkdir(parents=True)
        link_latest(Path("runs", name))
        assert latest() == Path("runs", name) and Path("runs/latest").is_symlink()
    Path("elsewhere").mkdir()
    link_latest(Path("elsewhere"))
    assert latest() == Path("runs/b")


def test_a_folder_of_version_0_1_0_stays():
    Path("runs/latest").mkdir(parents=True)
    link_latest(Path("runs/a"))
    assert not Path("runs/latest").is_symlink() and latest() == Path("runs/latest")
