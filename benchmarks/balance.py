"""Planted conflicts and planted useless tasks: ``python -m benchmarks.balance``.

Conflict: six tasks share a layer of four units that cannot serve them all, and their targets have
    scales from 10 to 1. Error: of
held-out rows, divided by the task's variance, mean over tasks.

Auxiliary tasks: two primary tasks with few rows; two helpful ones, nearly the same functions on
other rows; and four whose labels are noise, three times as large, from the first row to the last.
Error: of held-out rows of the primary tasks, divided by their variance. All ways train on one half
of the rows; Auto-Lambda looks at the other half.

Seeds 0 to 4 (``--seeds``): mean and 95 % interval (Student's t).
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch
from scipy.stats import t as student

import quickstudy as qs
from quickstudy.balance import AutoLambda, Balancer, balancer_named, mean, needs_fixed_tasks
from quickstudy.tasks import TableTasks
from quickstudy.training.metrics import read_metrics

NAMES = (
    "mean",
    "random",
    "uncertainty",
    "dwa",
    "gradnorm",
    "pcgrad",
    "cagrad",
    "mgda",
    "alignedmtl",
    "upgrad",
)
FEATURES, TASKS, PRIMARY, HELPFUL, NOISE = 8, 6, 2, 2, 4


def rows(x: np.ndarray, y: np.ndarray, task: int) -> pd.DataFrame:
    return pd.DataFrame({f"x{i}": x[:, i] for i in range(x.shape[1])} | {"task": task, "y": y})


def conflict(seed: int, name: str, steps: int = 300) -> np.ndarray:
    """The normalised error of every task on held-out rows, after training with the balancer called
    ``name``."""
    draw = np.random.default_rng(seed)
    directions = draw.normal(size=(TASKS, FEATURES))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    parts = []
    for task, scale in enumerate(np.geomspace(10, 1, TASKS)):
        x = draw.normal(size=(400, FEATURES))
        parts.append(
            rows(x, scale * (np.tanh(2 * x @ directions[task]) + 0.1 * draw.normal(size=400)), task)
        )
    train, test = qs.tasks.Table(pd.concat(parts), task="task", target="y").split_rows(0.25, seed)
    learner = qs.HardSharing(qs.models.MLP(FEATURES, 1, hidden=(4,), seed=seed), TASKS)
    balancer = balancer_named(name, num_tasks=TASKS if needs_fixed_tasks(name) else None)
    qs.fit(
        learner,
        train.episodes(shot=0, query=100),
        steps,
        TASKS,
        lr=1e-2,
        balancer=balancer,
        seed=seed,
        progress=False,
    )
    return errors(learner, test)


def planted(seed: int) -> tuple[TableTasks, TableTasks, TableTasks]:
    """Rows of the primary, helpful and useless tasks: training, validation, test."""
    draw = np.random.default_rng(seed)
    x = {
        "train": [80] * PRIMARY + [80] * HELPFUL + [20] * NOISE,
        "test": [400] * (PRIMARY + HELPFUL + NOISE),
    }
    basis, known = np.linalg.qr(draw.normal(size=(FEATURES, 2)))[0], list[np.ndarray]()
    parts = []
    for task, count in enumerate(x["train"]):
        inputs = draw.normal(size=(2 * count + 400, FEATURES))
        direction = (
            draw.normal(size=2)
            if task < PRIMARY
            else known[task % PRIMARY] + 0.3 * draw.normal(size=2)
        )
        known.append(direction)
        labels = 1.2 * np.tanh(
            2 * inputs @ basis @ direction / np.linalg.norm(direction)
        ) + 0.3 * draw.normal(size=len(inputs))
        parts.append(
            rows(
                inputs,
                labels if task < PRIMARY + HELPFUL else 3 * draw.normal(size=len(inputs)),
                task,
            )
        )
    whole = qs.tasks.Table(pd.concat(parts), task="task", target="y").whole()
    place = torch.cat([torch.arange(size) for size in whole.sizes])
    half = torch.tensor(x["train"])[whole.task]
    chosen = (place < half, (place >= half) & (place < 2 * half), place >= 2 * half)
    train, held, test = (
        replace(whole, x=whole.x[some], y=whole.y[some], task=whole.task[some]) for some in chosen
    )
    return train, held, test


def auxiliary(seed: int, way: str, steps: int = 500) -> tuple[np.ndarray, list[list[float]]]:
    """The normalised errors of the primary tasks on held-out rows, and the weights of all tasks
    after each fifth of the steps."""
    train, held, test = planted(seed)
    count = {"primary alone": PRIMARY, "without the useless": PRIMARY + HELPFUL}.get(
        way, len(train.names)
    )
    learner = qs.HardSharing(qs.models.MLP(FEATURES, 1, hidden=(8,), seed=seed), count)
    balancer: Balancer = mean
    if way.startswith("Auto-Lambda"):
        primary = None if "all" in way else range(PRIMARY)
        balancer = AutoLambda(count, held.episodes(shot=0, query=80), primary, lr=0.03)
    source = train.subset(range(count)).episodes(shot=0, query=80)
    with TemporaryDirectory() as out:
        qs.fit(
            learner,
            source,
            steps,
            count,
            out,
            lr=3e-3,
            balancer=balancer,
            seed=seed,
            progress=False,
        )
        lines = [
            line
            for line in read_metrics(Path(out) / "metrics.jsonl")
            if line["step"] % max(20, steps // 5) == 0
        ]
    weights = [[line.get(f"weight/{task}", 1.0) for task in range(count)] for line in lines]
    return errors(learner, test.subset(range(count)))[:PRIMARY], weights


def errors(learner: qs.HardSharing, test: TableTasks) -> np.ndarray:
    batch = test.batch()
    predicted = learner.predict(learner.known(batch, test.identity), batch.x)
    real = batch.mask.unsqueeze(-1) > 0
    found = [
        ((p - y)[m].square().mean() / y[m].var()).item()
        for p, y, m in zip(predicted, batch.y, real, strict=True)
    ]
    return np.array(found)


def interval(values: Sequence[float]) -> str:
    half = (
        student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5
        if len(values) > 1
        else float("nan")
    )
    return f"{np.mean(values):.3f} ± {half:.3f}"


def show_conflict(seeds: Sequence[int], names: Sequence[str]) -> None:
    print(
        "Conflict: normalised error of held-out rows, mean over six tasks; below the plain "
        "mean by, paired\n"
    )
    print(
        "| balancer | error | below the mean by | "
        f"{' | '.join(f'scale {s:.2g}' for s in np.geomspace(10, 1, TASKS))} | seconds |"
    )
    print(f"|---|---|---|{'---|' * TASKS}---|", flush=True)
    plain = None
    for name in names:
        began = time.perf_counter()
        found = np.stack([conflict(seed, name) for seed in seeds])
        plain = found.mean(1) if plain is None else plain
        cells = [
            interval(found.mean(1).tolist()),
            "" if name == "mean" else interval((plain - found.mean(1)).tolist()),
        ]
        cells += [f"{value:.2f}" for value in found.mean(0)]
        print(
            f"| {name} | {' | '.join(cells)} | {(time.perf_counter() - began) / len(seeds):.1f} |",
            flush=True,
        )


def show_auxiliary(seeds: Sequence[int]) -> None:
    groups = {
        "primary": slice(0, PRIMARY),
        "helpful": slice(PRIMARY, PRIMARY + HELPFUL),
        "useless": slice(PRIMARY + HELPFUL, None),
    }
    print(
        "\nAuxiliary tasks: normalised error of held-out rows of the primary tasks; weights "
        "at the end\n"
    )
    print(
        f"| way | error | {' | '.join(groups)} | seconds |\n|---|---|{'---|' * len(groups)}---|",
        flush=True,
    )
    paths = {}
    for way in (
        "primary alone",
        "without the useless",
        "equal weights",
        "Auto-Lambda, primary",
        "Auto-Lambda, all",
    ):
        began = time.perf_counter()
        found = [auxiliary(seed, way) for seed in seeds]
        paths[way] = np.mean(
            [
                [[np.mean(line[some] or [0]) for some in groups.values()] for line in path]
                for _, path in found
            ],
            0,
        )
        cells = [
            interval([float(error.mean()) for error, _ in found]),
            *(f"{value:.2f}" for value in paths[way][-1]),
        ]
        print(
            f"| {way} | {' | '.join(cells)} | {(time.perf_counter() - began) / len(seeds):.1f} |",
            flush=True,
        )
    for way in ("Auto-Lambda, primary", "Auto-Lambda, all"):
        print(f"\nWeights on the way, {way}, mean over seeds, every 100 steps:\n")
        for name, values in zip(groups, paths[way].T, strict=True):
            print(f"| {name} | {' | '.join(f'{value:.2f}' for value in values)} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--balancers",
        nargs="*",
        default=NAMES,
        help="by default all but nashmtl, whose step takes 0.2 s",
    )
    parser.add_argument("--only", choices=["conflict", "auxiliary"])
    asked = parser.parse_args()
    seeds = range(asked.seeds)
    if asked.only != "auxiliary":
        show_conflict(seeds, asked.balancers)
    if asked.only != "conflict":
        show_auxiliary(seeds)


if __name__ == "__main__":
    main()
