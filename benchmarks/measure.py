"""Timing and peak memory of one outer step."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence


def median_seconds(step: Callable[[], object], repeats: int, warm_up: int = 2) -> float:
    """The median time of ``step`` over ``repeats`` calls after ``warm_up`` calls."""
    times = []
    for _ in range(warm_up + repeats):
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    return statistics.median(times[warm_up:])


def median_seconds_in_turn(steps: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """The median time of each of ``steps``, called in turn, so that a slow minute of the machine is
    everyone's."""
    times: list[list[float]] = [[] for _ in steps]
    for _ in range(1 + repeats):
        for step, own in zip(steps, times, strict=True):
            own.append(median_seconds(step, 1, 0))
    return [statistics.median(own[1:]) for own in times]


def peak_mebibytes() -> float:
    """The largest resident size of this process so far."""
    with open("/proc/self/status") as file:
        status = dict(line.split(":", 1) for line in file)
    return int(status["VmHWM"].split()[0]) / 1024


def current_mebibytes() -> float:
    """The resident size of this process now."""
    with open("/proc/self/status") as file:
        status = dict(line.split(":", 1) for line in file)
    return int(status["VmRSS"].split()[0]) / 1024


def in_fresh_process(module: str, *arguments: str) -> list[str]:
    """Run ``python -m module arguments`` and return the words of its last line: memory is measured
    from a clean start."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", module, *arguments], capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{module} {' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout.strip().splitlines()[-1].split()
