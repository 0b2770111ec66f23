"""``quickstudy demo``: from training to report on embedded data, in a few minutes."""

import dataclasses
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from quickstudy.cache import write_atomically
from quickstudy.cli.evaluate import show
from quickstudy.cli.options import parse
from quickstudy.cli.report import groups_of
from quickstudy.cli.train import options_of, train
from quickstudy.errors import require
from quickstudy.report import write_report
from quickstudy.training import Trained, evaluate

LEARNER, WAY, CHANNELS = "protonet", 40, 32
MARK = ".demo"
"""A file of this name says that a folder holds a demo, which the next demo may replace."""


@dataclass(frozen=True)
class DemoOptions:
    """Options of ``quickstudy demo``."""

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
    asked = parse(
        DemoOptions, arguments, "demo", "A few minutes on embedded data, from training to report."
    )
    require(
        asked.steps >= 1 and asked.num_tasks >= 1,
        "Options --steps and --num-tasks should be at least 1.",
    )
    console, began = Console(soft_wrap=True, highlight=False), time.monotonic()
    other = (asked.out / "last.safetensors").exists() and not (asked.out / MARK).exists()
    require(
        not other,
        f"Folder {asked.out} holds a run that is no demo: choose another folder with --out.",
    )
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / MARK).touch()
    for old in ("last.safetensors", "best.safetensors", "metrics.jsonl"):
        (asked.out / old).unlink(missing_ok=True)
    default = options_of(LEARNER, "glyphs")
    chosen = {
        "steps": asked.steps,
        "seed": asked.seed,
        "out": asked.out,
        "way": WAY,
        "channels": CHANNELS,
        "validate_every": max(1, asked.steps // 4),
        "validation_tasks": 100,
    }
    settings = {"learner": LEARNER, **dataclasses.asdict(dataclasses.replace(default, **chosen))}
    network = f"--way {WAY} --channels {CHANNELS}"
    command = (
        f"quickstudy train {LEARNER} --data glyphs {network} --steps {asked.steps} --seed "
        f"{asked.seed} --out {asked.out}"
    )
    console.print("Meta-training a ProtoNet on the letters of many scripts ...")
    code = train(LEARNER, settings, command, quiet=True)
    if code:
        return code
    console.print("Mastering new tasks with letters of scripts it never saw ...")
    results, run = {}, Trained.read(asked.out)
    for way in (20, 5):
        source = run.tasks(way=way, shot=1)
        found = evaluate(run.learner, source, asked.num_tasks, asked.seed)
        results[f"{way}-way 1-shot"] = found.to_dict()
        show(found, "ProtoNet", console)
    write_atomically(asked.out / "result.json", json.dumps(results, indent=1).encode())
    groups = groups_of(run, source, asked.seed)
    page = write_report(asked.out, run.learner, source, found, asked.seed, groups, group_way=5)
    console.print(
        f"\nDone in {time.monotonic() - began:.0f} s. In {asked.out}: the checkpoints "
        "(*.safetensors), result.json, metrics.jsonl\n"
        f"Look at the report: {page}\n"
        f"Try next:  quickstudy evaluate {asked.out} --way 10 --shot 5\n"
        f"           quickstudy train maml --data sinusoid --out runs/sinusoid"
    )
    return 0
