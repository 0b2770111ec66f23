"""The command ``quickstudy demo``: from training to report on embedded data."""

import json
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quickstudy.cli.options import parse
from quickstudy.errors import require

PURPOSE = "A few minutes on embedded data, from training to report."
LEARNER = "protonet"
NETWORK = ("--way", "40", "--channels", "32")
WAYS = (20, 5)
"""The ways of the evaluation tasks."""
OLD = ("last.safetensors", "best.safetensors", "metrics.jsonl")
"""Files of an earlier demo that a new demo must not find; the first marks a run."""
MARK = ".demo"
"""A file of this name marks a folder of a demo, which the next demo may replace."""


@dataclass(frozen=True)
class DemoOptions:
    """Options of the command demo."""

    out: Path = Path("runs/demo")
    """The run's folder; a demo that is there already is replaced."""
    steps: int = 600
    """Outer steps."""
    num_tasks: int = 200
    """Tasks to evaluate on."""
    seed: int = 0
    """Seed of all randomness."""


def main(arguments: Sequence[str]) -> int:
    """Train on embedded glyphs, master tasks from scripts never seen, write a report."""
    asked = parse(DemoOptions, arguments, "demo", PURPOSE)
    _check(asked)
    began = time.monotonic()
    _make_room(asked.out)
    from rich.console import Console

    console = Console(soft_wrap=True, highlight=False)
    console.print("Meta-training a ProtoNet on the letters of many scripts ...")
    code = _train(asked)
    if code:
        return code
    console.print("Mastering new tasks with letters of scripts it never saw ...")
    page = _judge(asked, console)
    console.print(_summary(asked.out, page, time.monotonic() - began))
    return 0


def _check(asked: DemoOptions) -> None:
    """Raise if an option is out of range."""
    good = asked.steps >= 1 and asked.num_tasks >= 1
    require(good, "Options --steps and --num-tasks should be at least 1.")


def _summary(out: Path, page: Path, seconds: float) -> str:
    """Say where everything is, and suggest the next commands."""
    return (
        f"\nDone in {seconds:.0f} s. In {out}: the checkpoints "
        "(*.safetensors), result.json, metrics.jsonl\n"
        f"Look at the report: {page}\n"
        f"Try next:  quickstudy evaluate {shlex.quote(str(out))} --way 10 --shot 5\n"
        f"           quickstudy train maml --data sinusoid --out runs/sinusoid"
    )


def _make_room(out: Path) -> None:
    """Remove an earlier demo from the folder.

    Raises:
        UserError: If it holds a run that is not a demo.
    """
    _check_free(out)
    out.mkdir(parents=True, exist_ok=True)
    (out / MARK).touch()
    for name in OLD:
        (out / name).unlink(missing_ok=True)


def _check_free(out: Path) -> None:
    """Raise if the folder holds a run that is not a demo."""
    other = (out / OLD[0]).exists() and not (out / MARK).exists()
    message = f"Folder {out} holds a run that is no demo: choose another folder with --out."
    require(not other, message)


def _train(asked: DemoOptions) -> int:
    from quickstudy.cli.train import checked_options, run_training

    arguments = _arguments(asked)
    command = shlex.join(["quickstudy", "train", LEARNER, *arguments])
    return run_training(checked_options(LEARNER, arguments), command, quiet=True)


def _arguments(asked: DemoOptions) -> list[str]:
    """Write the options of the training."""
    own = ["--steps", str(asked.steps), "--seed", str(asked.seed), "--out", str(asked.out)]
    every = max(1, asked.steps // 4)
    judged = ["--validate-every", str(every), "--validation-tasks", "100"]
    return ["--data", "glyphs", *NETWORK, *own, *judged]


def _judge(asked: DemoOptions, console: Any) -> Path:
    """Evaluate on tasks of two sizes, and write the report."""
    from quickstudy.cli.evaluate import show
    from quickstudy.reporting import write_run
    from quickstudy.training import Trained, evaluate

    results, run = {}, Trained.read(asked.out)
    for way in WAYS:
        source = run.tasks(way=way, shot=1)
        found = evaluate(run.learner, source, asked.num_tasks, asked.seed)
        results[f"{way}-way 1-shot"] = found.to_dict()
        show(found, "ProtoNet", console)
    _write_results(asked.out, results)
    return write_run(run, source, found)


def _write_results(out: Path, results: dict[str, dict[str, object]]) -> None:
    from quickstudy.cache import write_atomically

    write_atomically(out / "result.json", json.dumps(results, indent=1).encode())
