"""The program: it answers at once, ends quietly, and prints to any terminal."""

import os
import signal
import subprocess
import sys
import time

import pytest

from quickstudy.cli.interrupt import CODE, loading

PROGRAM = (sys.executable, "-X", "importtime", "-m", "quickstudy")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--help", 0),
        ("list", 0),
        ("train --help", 0),
        ("train maml --help", 0),
        ("evaluate --help", 0),
        ("train --wrong 1", 2),
        ("train maml --frob", 2),
        ("evaluate x --frob", 2),
        ("evaluate", 2),
        ("fit t.csv", 2),
    ],
)
def test_help_and_mistakes_load_nothing_heavy(tmp_path, words, code):
    done = subprocess.run([*PROGRAM, *words.split()], capture_output=True, text=True, cwd=tmp_path)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert done.returncode == code
    assert not loaded & {"torch", "numpy", "pandas", "torchjd", "matplotlib", "rich", "tyro"}


@pytest.mark.parametrize("encoding", ["cp1252", "gbk", "ascii"])
@pytest.mark.parametrize("words", [["list"], ["train", "maml", "--help"], ["train", "--help"]])
def test_any_encoding(encoding, words):
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(
        [sys.executable, "-m", "quickstudy", *words], capture_output=True, env=environment
    )
    assert (done.returncode, done.stderr) == (0, b"") and b"maml" in done.stdout


@pytest.mark.parametrize("seconds", [0.4, 1.0, 2.0])
def test_ctrl_c_in_the_first_seconds_is_quiet(tmp_path, seconds):
    command = ["train", "maml", "--data", "sinusoid", "--steps", "100000", "--out", "run"]
    process = subprocess.Popen(
        [sys.executable, "-m", "quickstudy", *command], cwd=tmp_path, stderr=subprocess.PIPE
    )
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert b"Traceback" not in told and process.returncode == CODE


def test_the_reader_of_a_pipe_may_leave():
    done = subprocess.run(
        f"{sys.executable} -m quickstudy train maml --help | head -1",
        shell=True,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("usage: quickstudy train maml [OPTIONS]\n", "")


def test_the_handler_is_put_back():
    before = signal.getsignal(signal.SIGINT)
    with loading():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
