"""Every few-shot learner on real Omniglot, in one table: ``python -m benchmarks.omniglot --root DIR
[--budget short|paper]``.

Vinyals' split, whose test classes are random characters with every rotation a class of its own, as
in the papers. ``short``: steps meant for 10 minutes a training that has two cores to itself
(``--parallel 1``). ``paper``: the papers' numbers of iterations. What is there already, half a
training, a training or a result, is gone on with, so the benchmark can be stopped and started
again. ``--time`` trains 30 steps of every row with all cores, one after another, and prints how
long the whole trainings take on this machine when it has nothing else to do."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

import quickstudy as qs
from quickstudy.training.checkpoint import read
from quickstudy.training.evaluate import Estimate

HEAD = "--shared-head --statistics transductive --clip-gradient 10 --downsample max --mapping loop"
ONE = "--inner-steps 1 --test-steps 1"
WIDE = "--way 60 --shot 1 --query 5 --tasks-per-step 1 --lr 2e-3"
FEW_QUERIES = "--way 60 --shot 1 --query 3 --tasks-per-step 1 --lr 2e-3"


CELLS = ((5, 1), (20, 1), (5, 5))
Results = dict[tuple[int, int], dict[str, Any]]
"""What ``quickstudy evaluate --json`` prints, by way and shot."""


@dataclass(frozen=True)
class Row:
    """A training: what the command line is given, its steps by budget, and what the paper has in
    the cells.

    ``cells`` are the tasks (way, shot) it is evaluated on; ``first`` are further options of a
    training of a third as many steps from which it starts."""

    title: str
    learner: str
    options: str
    short: int
    paper: int
    published: tuple[str, ...]
    cells: tuple[tuple[int, int], ...] = CELLS
    first: str = ""


ROWS = {
    "protonet": Row("ProtoNet", "protonet", FEW_QUERIES, 2700, 20000, ("98.8", "96.0", "99.7")),
    "matching": Row(
        "Matching networks", "matching", FEW_QUERIES, 2000, 20000, ("98.1", "93.8", "98.9")
    ),
    "r2d2": Row(
        "R2D2",
        "r2d2",
        "--way 30 --shot 1 --query 6 --tasks-per-step 1 --lr 2e-3",
        2900,
        20000,
        ("", "", ""),
    ),
    "siamese": Row("Siamese networks", "siamese", WIDE, 1800, 20000, ("97.3", "88.2", "98.4")),
    "relation": Row(
        "Relation networks",
        "relation",
        "--way 20 --shot 1 --query 5 --tasks-per-step 1 --lr 1e-3 --clip-gradient 0.5",
        2000,
        500000,
        ("99.6", "97.6", "99.8"),
    ),
    "maml": Row(
        "MAML, shared head",
        "maml",
        f"{WIDE} {HEAD} --inner-lr 24 {ONE}",
        1050,
        60000,
        ("98.7", "95.8", "99.9"),
        ((5, 1),),
    ),
    "fomaml": Row(
        "FOMAML, shared head",
        "fomaml",
        f"{WIDE} {HEAD} --inner-lr 24 {ONE}",
        1100,
        60000,
        ("98.3", "89.4", "99.2"),
        ((5, 1),),
    ),
    "anil": Row(
        "ANIL, shared head",
        "anil",
        f"{WIDE} {HEAD} --inner-lr 24 {ONE}",
        1800,
        60000,
        ("", "96.2", ""),
    ),
    "metasgd": Row(
        "Meta-SGD, shared head",
        "metasgd",
        f"{WIDE} {HEAD} --inner-lr 24",
        1500,
        60000,
        ("99.53", "95.93", "99.93"),
    ),
    "reptile": Row(
        "Reptile, shared head",
        "reptile",
        f"--way 20 --shot 10 --tasks-per-step 2 {HEAD} --optimizer adam --lr 2e-3 --schedule "
        "cosine --inner-optimiser sgd --inner-lr 1 "
        "--inner-steps 5 --inner-batch-size 40 --test-steps 10",
        500,
        100000,
        ("97.68", "89.43", "99.48"),
        ((5, 1),),
    ),
    "mamlpp": Row(
        "MAML++ (learned rates, norms by step), shared head",
        "maml",
        f"{WIDE} {HEAD} --inner-lr 24 {ONE} --learned-rates --per-step-norm",
        1300,
        50000,
        ("99.47", "97.65", "99.85"),
    ),
    "protomaml": Row(
        "MAML from prototypes",
        "maml",
        "--way 20 --shot 1 --query 5 --tasks-per-step 3 --lr 2e-3 --no-shared-head "
        "--prototype-head --statistics transductive "
        "--clip-gradient 10 --downsample max --mapping loop --inner-lr 0.1 --inner-steps 1",
        500,
        50000,
        ("", "", ""),
        ((5, 1),),
    ),
    "imaml": Row(
        "iMAML on the head (ANIL with implicit gradients)",
        "anil",
        f"{WIDE} {HEAD} --outer-gradient implicit --proximal 0.02 --backward-steps 10 "
        "--inner-optimiser adam --inner-lr 0.01 "
        "--inner-steps 10 --test-steps 10",
        1400,
        20000,
        ("99.50", "96.18", "99.74"),
        ((5, 1),),
    ),
    "cavia": Row(
        "CAVIA",
        "cavia",
        "--way 5 --shot 1 --query 3 --tasks-per-step 12 --lr 2e-3 --statistics transductive "
        "--downsample max --layer blocks.3.1 "
        "--last-channels 320 --context-size 320 --inner-lr 30 --inner-steps 3 --test-steps 3",
        1150,
        60000,
        ("", "", ""),
        ((5, 1),),
    ),
    "metalstm": Row(
        "Meta-LSTM, shared head",
        "metalstm",
        f"{WIDE} {HEAD} --channels 64 --inner-lr 24 {ONE} --outer-gradient unrolled",
        1100,
        60000,
        ("", "", ""),
        ((5, 1),),
    ),
    "mann": Row(
        "MANN",
        "mann",
        "--tasks-per-step 24",
        5000,
        100000,
        ("82.8", "", "94.9"),
        ((5, 1), (5, 5)),
        "--train-way 2",
    ),
    "finetune": Row(
        "Pre-training and fine-tuning",
        "finetune",
        "--tasks-per-step 128 --lr 2e-3",
        2500,
        20000,
        ("", "", ""),
        ((5, 1),),
    ),
}


def main() -> None:
    """Train what is not trained, evaluate, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", required=True, help="folder of Omniglot")
    parser.add_argument("--budget", choices=("short", "paper"), default="short")
    parser.add_argument("--only", nargs="*", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--out", type=Path, default=Path("runs/omniglot"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--num-tasks", type=int, default=1000)
    parser.add_argument(
        "--parallel", type=int, default=2, help="trainings side by side, each with one thread"
    )
    parser.add_argument("--time", action="store_true", help="only time the trainings")
    asked = parser.parse_args()
    if asked.time:
        _time(asked)
        return
    with ThreadPoolExecutor(asked.parallel) as pool:
        rows = list(pool.map(lambda name: _found(name, asked), asked.only))
    console = Console(width=150, highlight=False)
    console.print(
        "| learner | 5-way 1-shot | 20-way 1-shot | 5-way 5-shot | transductive | seconds | "
        "steps | published |",
        markup=False,
    )
    console.print("|---|---|---|---|---|---|---|---|", markup=False)
    for name, row in zip(asked.only, rows, strict=True):
        console.print(_line(name, *row), soft_wrap=True, markup=False)
    if "mann" in asked.only:
        for line in _by_instance(asked):
            console.print(line, soft_wrap=True, markup=False)
    for cell in CELLS:
        console.print(
            f"\n{cell[0]}-way {cell[1]}-shot, each less the next, paired on the same tasks:\n"
        )
        for line in _neighbours(
            [
                (ROWS[name].title, found[cell])
                for name, (*_, found) in zip(asked.only, rows, strict=True)
                if cell in found
            ]
        ):
            console.print(line, soft_wrap=True, markup=False)


def _time(asked: argparse.Namespace) -> None:
    print("| learner | a step, ms | steps | seconds in all |\n|---|---|---|---|")
    for name in asked.only:
        row, steps = ROWS[name], _steps(ROWS[name], asked)
        step = _step_seconds(row, row.options, asked)
        before = (
            steps // 3 * _step_seconds(row, f"{row.options} {row.first}", asked)
            if row.first
            else 0.0
        )
        print(
            f"| {row.title} | {1e3 * step:.0f} | {steps} | {before + steps * step:.0f} |",
            flush=True,
        )


def _step_seconds(row: Row, options: str, asked: argparse.Namespace) -> float:
    with tempfile.TemporaryDirectory() as folder:
        common = f"{_common(asked)} --steps 30 --validate-every 31"
        _quickstudy(
            "train",
            row.learner,
            *common.split(),
            *options.split(),
            *_threads(asked),
            "--out",
            f"{folder}/run",
        )
        return float(read(Path(folder, "run", "last.safetensors"))[1]["seconds"]) / 30


def _steps(row: Row, asked: argparse.Namespace) -> int:
    return row.short if asked.budget == "short" else row.paper


def _common(asked: argparse.Namespace) -> str:
    return f"--data omniglot --root {asked.root} --split-by vinyals --device {asked.device}"


def _found(name: str, asked: argparse.Namespace) -> tuple[float, int, Results]:
    """The seconds and steps of training, and the results by cell."""
    row, out = ROWS[name], asked.out / asked.budget / name
    seconds, steps = _train(row, _steps(row, asked), out, asked)
    return seconds, steps, {cell: _evaluate(out, *cell, asked) for cell in row.cells}


def _line(name: str, seconds: float, steps: int, found: Results) -> str:
    row = ROWS[name]
    shown = [
        Estimate(r["mean"], r["ci95"], r["num_tasks"]).text("accuracy")
        if (r := found.get(cell))
        else ""
        for cell in CELLS
    ]
    published = " / ".join(number or "–" for number in row.published)
    transductive = "yes" if found[5, 1]["transductive"] else "no"
    return (
        f"| {row.title} | {' | '.join(shown)} | {transductive} | {seconds:.0f} | {steps} | "
        f"{published} |"
    )


def _by_instance(asked: argparse.Namespace) -> Iterator[str]:
    """MANN's accuracy by how often a class was seen, as in its paper, in sequences as long as in
    training and longer."""
    learner = qs.load(asked.out / asked.budget / "mann")
    assert isinstance(learner, qs.MANN)
    classes = qs.tasks.Omniglot(asked.root, split_by="vinyals").split("test")
    for query in (2, 9):
        tasks = classes.episodes(way=5, shot=1, query=query).sample(
            asked.num_tasks, qs.Moment(7, "by instance")
        )
        instances = [i for i in (1, 2, 5, 10) if i <= 1 + query]
        found = learner.by_instance(tasks, instances)
        cells = ", ".join(
            f"{i}.: {Estimate.of(column).text('accuracy')}"
            for i, column in zip(instances, found.T, strict=True)
        )
        yield (
            f"\nMANN by the instance of a class, {1 + query} of each, {asked.num_tasks} tasks of "
            f"5 ways: {cells}"
        )


def _neighbours(results: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """The paired difference of every result and the next best, in words."""
    best_first = sorted(results, key=lambda result: -result[1]["mean"])
    lines = []
    for (title, a), (next_title, b) in pairwise(best_first):
        assert (a["seed"], a["source"]) == (b["seed"], b["source"]), "other tasks"
        per_task = [
            torch.tensor([float("nan") if value is None else value for value in result["per_task"]])
            for result in (a, b)
        ]
        difference = Estimate.of(per_task[0] - per_task[1])
        verdict = "significant" if difference.mean > difference.ci95 else "not significant"
        lines.append(f"- {title} − {next_title}: {difference.text('accuracy')}, {verdict}")
    return lines


def _train(row: Row, steps: int, out: Path, asked: argparse.Namespace) -> tuple[float, int]:
    """Train, unless it is done; the seconds it took, those of a first training among them, and its
    steps."""
    options, before = row.options, 0.0
    if row.first:
        first = replace(row, options=f"{row.options} {row.first}", first="")
        before, _ = _train(first, steps // 3, out / "first", asked)
        options = f"{options} --start-from {out / 'first'}"
    done = out / "trained.json"
    if not done.exists():
        resume = ["--resume"] if (out / "last.safetensors").exists() else []
        common = f"{_common(asked)} --steps {steps} --validate-every {steps}"
        _quickstudy(
            "train",
            row.learner,
            *common.split(),
            *options.split(),
            *_threads(asked),
            *resume,
            "--out",
            str(out),
        )
        details = read(out / "last.safetensors")[1]
        done.write_text(json.dumps({"seconds": details["seconds"], "steps": details["step"]}))
    known = json.loads(done.read_text())
    return before + known["seconds"], known["steps"]


def _evaluate(out: Path, way: int, shot: int, asked: argparse.Namespace) -> dict[str, Any]:
    """The result on frozen tasks, without baselines (they are the same for all but the network);
    found once."""
    path = out / f"{way}-way-{shot}-shot.json"
    if path.exists() and (known := json.loads(path.read_text()))["num_tasks"] == asked.num_tasks:
        return dict(known)
    options = (
        f"--way {way} --shot {shot} --num-tasks {asked.num_tasks} --seed 7 --baselines none --json "
        f"--device {asked.device}"
    )
    text = _quickstudy("evaluate", str(out), *options.split(), *_threads(asked))
    result: dict[str, Any] = json.loads(text)
    path.write_text(text)
    return result


def _threads(asked: argparse.Namespace) -> list[str]:
    return ["--threads", "1"] if asked.parallel > 1 else []


def _quickstudy(*arguments: str) -> str:
    command = [
        sys.executable,
        "-c",
        "import sys; from quickstudy.cli import main; sys.exit(main())",
        *arguments,
    ]
    print("running: quickstudy " + " ".join(arguments), file=sys.stderr, flush=True)
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"quickstudy {' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
