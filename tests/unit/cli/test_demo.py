"""``quickstudy demo`` replaces only a demo."""

import pytest

from quickstudy.cli.demo import MARK, _make_room
from quickstudy.errors import UserError


def test_a_run_that_is_no_demo_stays(tmp_path):
    (tmp_path / "last.safetensors").write_bytes(b"mine")
    with pytest.raises(UserError, match="holds a run that is no demo"):
        _make_room(tmp_path)
    assert (tmp_path / "last.safetensors").read_bytes() == b"mine"


def test_an_earlier_demo_is_replaced(tmp_path):
    _make_room(tmp_path / "new")
    assert (tmp_path / "new" / MARK).exists()
    (tmp_path / "new" / "last.safetensors").write_bytes(b"old")
    _make_room(tmp_path / "new")
    assert [path.name for path in (tmp_path / "new").iterdir()] == [MARK]
