"""The folder of cached files, and the one way files are written."""

from pathlib import Path

import pytest

from quickstudy.cache import cache_folder, write_atomically
from quickstudy.errors import UserError


def test_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("QUICKSTUDY_CACHE", "own")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache_folder(Path("given")) == Path("given")
    assert cache_folder() == Path("own")
    monkeypatch.delenv("QUICKSTUDY_CACHE")
    assert cache_folder() == tmp_path / "quickstudy"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == Path("/home/someone/.cache/quickstudy")


def test_no_home_is_told(monkeypatch):
    def homeless():
        raise RuntimeError

    monkeypatch.delenv("QUICKSTUDY_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(UserError, match="QUICKSTUDY_CACHE"):
        cache_folder()


def test_a_file_is_written_whole_and_alone(tmp_path):
    path = tmp_path / "new" / "file"
    for data in (b"one", b"two"):
        write_atomically(path, data)
        assert path.read_bytes() == data and list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(descriptor):
        raise OSError("No space left on device")

    monkeypatch.setattr("quickstudy.cache.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
