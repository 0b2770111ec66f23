"""A process that is killed, and one that is interrupted, end with the bits of one that was left
alone once they are resumed."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from quickstudy.training.checkpoint import read
from tests.unit.cli.processes import Started, run, start
from tests.unit.training.small import metric_lines, same_bits

STEPS = 500
COMMAND = (
    f"train maml --data sinusoid --steps {STEPS} --tasks-per-step 2 --validate-every 150 "
    "--validation-tasks 10"
).split()
NEVER = ("--checkpoint-seconds", 10_000)
OFTEN = ("--checkpoint-seconds", 0.05)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that was left alone."""
    folder = tmp_path_factory.mktemp("whole")
    assert run(folder / "printed", *COMMAND, "--out", folder / "run").code == 0
    return folder / "run"


def wait_for(condition: Callable[[], bool], alive: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert alive() and time.monotonic() < end, "the run ended before it could be killed"
        time.sleep(0.002)


def kill(started: Started, condition: Callable[[], bool]) -> None:
    """Kill the process as soon as ``condition`` holds, without a warning."""
    wait_for(condition, started.process.is_alive)
    os.kill(started.process.pid, signal.SIGKILL)
    assert started.wait().code == -signal.SIGKILL


def same_run(a: Path, b: Path) -> None:
    for name in ("last.safetensors", "best.safetensors"):
        assert same_bits(read(a / name)[0], read(b / name)[0])
    assert [read(folder / "last.safetensors")[1]["step"] for folder in (a, b)] == [STEPS, STEPS]
    lines = metric_lines(b)
    assert len(set(lines)) == len(lines) and {step for step, _ in lines} >= {
        step for step, _ in metric_lines(a)
    }


def test_killed_again_and_again(whole, tmp_path):
    out = tmp_path / "run"
    last = out / "last.safetensors"
    kill(start(tmp_path / "1", *COMMAND, "--out", out, *NEVER), (out / "metrics.jsonl").exists)
    assert not last.exists()
    kill(start(tmp_path / "2", *COMMAND, "--out", out, *OFTEN, "--resume"), last.exists)
    for part in ("3", "4"):
        reached = read(last)[1]["step"]
        assert 0 < reached < STEPS
        kill(
            start(tmp_path / part, *COMMAND, "--out", out, *OFTEN, "--resume"),
            lambda reached=reached: read(last)[1]["step"] > reached + 30,
        )
    done = run(tmp_path / "5", *COMMAND, "--out", out, "--resume")
    assert done.code == 0 and "Resumed" in done.err
    same_run(whole, out)


def test_killed_before_the_first_checkpoint(whole, tmp_path):
    out = tmp_path / "run"
    kill(start(tmp_path / "1", *COMMAND, "--out", out, *NEVER), (out / "run.json").exists)
    done = run(tmp_path / "2", *COMMAND, "--out", out, "--resume")
    assert done.code == 0 and "Resumed" not in done.err
    same_run(whole, out)


def test_interrupted(whole, tmp_path):
    out = tmp_path / "a run [with odd name]"
    process = subprocess.Popen(
        [sys.executable, "-m", "quickstudy", *map(str, [*COMMAND, "--out", out, *NEVER])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for((out / "metrics.jsonl").exists, lambda: process.poll() is None)
    process.send_signal(signal.SIGINT)
    printed, told = process.communicate(timeout=60)
    assert process.returncode == 130 and printed == ""
    reached = read(out / "last.safetensors")[1]["step"]
    assert (
        f"Interrupted at step {reached} of {STEPS}; all is saved. Go on with:\n" in told
        and "Traceback" not in told
    )
    program, *again = shlex.split(told.splitlines()[-1])
    assert (program, again[-1]) == ("quickstudy", "--resume")
    assert run(tmp_path / "2", *again).code == 0
    same_run(whole, out)
