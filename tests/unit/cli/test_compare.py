"""Two runs on the same tasks."""

import json
from types import SimpleNamespace

import pytest

from quickstudy.cli.compare import _largest, _smaller
from tests.unit.cli.processes import run


def test_compare(runs, tmp_path):
    done = run(tmp_path, "compare", runs / "sines", runs / "sines", "--num-tasks", 5, "--json")
    found = json.loads(done.out, parse_constant=pytest.fail)
    assert done.code == 0 and found["difference"]["mean"] == 0 and found["significant"] is False
    done = run(tmp_path, "compare", runs / "sines", runs / "sines", "--num-tasks", 5)
    assert done.code == 0 and "A − B, paired" in done.out and "not significant" in done.out


def with_options(**options):
    return SimpleNamespace(options=lambda: options)


def test_the_size_that_both_can_serve():
    first, second = with_options(way=(3, 20), shot=5), with_options(way=8)
    assert (_smaller("way", first, second), _smaller("shot", first, second)) == (8, 5)
    assert _smaller("way", with_options(), with_options()) is None
    assert (_largest(4), _largest((3, 20))) == (4, 20)
