"""One process a folder, and nothing left behind by one that was killed."""

import json
import subprocess
import sys

import pytest

import quickstudy as qs
from quickstudy.training.lock import claimed, locked
from tests.unit.training.small import sine_learner, sines

HOLD = """
import sys, time
from pathlib import Path
from quickstudy.training.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_process_is_refused_and_told_of_the_first(tmp_path, holder):
    message = rf"Folder .* is being trained into by process {holder.pid} on .* since 20.*: choose"
    with pytest.raises(qs.UserError, match=message):
        qs.train(sine_learner(), sines(), 1, out=tmp_path, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_killed_process_leaves_no_lock(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert (tmp_path / ".lock").exists()
    assert qs.train(sine_learner(), sines(), 1, out=tmp_path, progress=False).step == 1
    assert not (tmp_path / ".lock").exists()


def test_within_one_process_too(tmp_path):
    with locked(tmp_path):
        assert json.loads((tmp_path / ".lock").read_text()).keys() == {"process", "host", "start"}
        with pytest.raises(qs.UserError, match="should be free"), locked(tmp_path):
            pass
    with locked(tmp_path):
        pass


def test_a_damaged_note_of_the_holder(tmp_path):
    with locked(tmp_path):
        (tmp_path / ".lock").write_text("{")
        with pytest.raises(qs.UserError, match="by another process"), locked(tmp_path):
            pass


def test_a_claimed_folder_stays_only_if_something_was_written(tmp_path):
    out = tmp_path / "deep" / "run"
    with claimed(out):
        assert [path.name for path in out.iterdir()] == [".lock"]
    assert list(tmp_path.iterdir()) == []
    with claimed(out):
        (out / "kept").touch()
    assert [path.name for path in out.iterdir()] == ["kept"]
    with claimed(None):
        pass
