"""The official Omniglot: only its own bytes are kept, and a folder's problems are all told."""

import hashlib
import io
import urllib.error
from pathlib import Path

import pytest

from quickstudy.errors import UserError
from quickstudy.tasks import omniglot_official
from quickstudy.tasks.omniglot import Omniglot
from quickstudy.tasks.omniglot_files import PARTS
from tests.unit.tasks.omniglot_trees import truncate_image, write_splits


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
    contents = {f"{part}.zip": part.encode() for part in PARTS}
    for part in PARTS:
        monkeypatch.setitem(omniglot_official.MD5, part, hashlib.md5(part.encode()).hexdigest())
    asked = _serve(monkeypatch, contents)
    root = tmp_path / "new" / "omniglot"
    Omniglot.download(root)
    Omniglot.download(str(root))
    assert {path.name: path.read_bytes() for path in root.iterdir()} == contents
    assert asked == [
        f"https://raw.githubusercontent.com/brendenlake/omniglot/master/python/{part}.zip"
        for part in PARTS
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
    monkeypatch.setitem(omniglot_official.MD5, "images_background", hashlib.md5(b"x").hexdigest())
    _serve(monkeypatch, {"images_background.zip": b"x"})
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UserError, match="cannot be written"):
        Omniglot.download(tmp_path / "file" / "omniglot")


def test_check(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [problem.split(" Found ")[1] for problem in omniglot_official.check(tree)] == [
        "4 and 11.",
        "2 and 7.",
    ]
    monkeypatch.setattr(
        omniglot_official, "COMPLETE", {"images_background": (4, 11), "images_evaluation": (2, 7)}
    )
    assert omniglot_official.check(str(tree)) == []
    write_splits(tree / "vinyals")
    assert omniglot_official.check(tree) == []
    (tree / "vinyals" / "val.txt").unlink()
    truncate_image(tree)
    image, split = omniglot_official.check(tree)
    assert "0002_02.png is not a readable image" in image
    assert "val.txt" in split
