"""Relatedness of planted tasks: ``python -m benchmarks.relatedness``, about 3 minutes on one core.

Thirty linear tasks ``y = w_t x + ε`` of eight features, in three groups: ``w_t`` is that of the
group and 0.15 of the task's own. Are the groups found, by each measure; and what does it cost or
bring to draw related tasks together, and to learn group by group, where there are rows enough to
tell (60 a task) and where there are not (4 noisy ones)? Held-out error is that of new rows, 95 %
intervals of the paired differences over the seeds."""

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import RidgeCV
from sklearn.metrics import adjusted_rand_score

import quickstudy as qs
from quickstudy.ladder.rungs import PENALTIES, LearnedPrior, Sharing
from quickstudy.relatedness import MEASURES, Relatedness, relate
from quickstudy.tasks import TableTasks

GROUPS, EACH, FEATURES, NEW = 3, 10, 8, 100
CASES = {"60 rows": (60, 0.5), "too small to tell: 4 noisy rows": (4, 5.0)}


def planted(seed: int, rows: int, noise: float) -> tuple[TableTasks, TableTasks, np.ndarray]:
    """Training rows, new rows of the same tasks, and the group of every task."""
    draw = np.random.default_rng(seed)
    groups = np.repeat(np.arange(GROUPS), EACH)
    weights = draw.normal(size=(GROUPS, FEATURES))[groups] + 0.15 * draw.normal(
        size=(len(groups), FEATURES)
    )
    tables = []
    for count in (rows, NEW):
        task = np.repeat(np.arange(len(groups)), count)
        x = draw.normal(size=(len(task), FEATURES))
        frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(FEATURES)])
        noisy = noise if count == rows else 0.0  # new rows without noise: what is learned is judged
        tables.append(
            frame.assign(
                task=task, y=(x * weights[task]).sum(1) + noisy * draw.normal(size=len(task))
            )
        )
    both = pd.concat(tables, ignore_index=True)
    table = qs.tasks.Table(both, task="task", target="y").whole()
    first = torch.cat([torch.arange(rows + NEW) < rows] * len(groups))
    return _rows(table, first), _rows(table, ~first), groups


def _rows(tasks: TableTasks, chosen: torch.Tensor) -> TableTasks:
    return replace(tasks, x=tasks.x[chosen], y=tasks.y[chosen], task=tasks.task[chosen])


def measured(tasks: TableTasks, measure: str, seed: int) -> Relatedness:
    """Through a learned prior, or one network for all rows."""
    rung = (
        LearnedPrior()
        if measure == "posterior"
        else Sharing("pooled", heads=False, refit=True, steps=150)
    )
    rung.fit(tasks, seed)
    return relate(rung.learner, tasks, measure, splits=4, seed=seed)


def trained(
    tasks: TableTasks,
    new: TableTasks,
    found: Relatedness | None,
    steps: int,
    seed: int,
    hard: bool = False,
) -> float:
    """The mean squared error of new rows after hard sharing's training, its tasks drawn uniformly
    or in related groups."""
    source: qs.tasks.FixedTasks = tasks.episodes(shot=0, query=16)
    if found is not None:
        source = qs.tasks.Related(
            source, found.similarity, group_size=4, groups=found.groups if hard else None
        )
    learner = qs.HardSharing(
        qs.models.MLP(FEATURES, 1, hidden=(32, 16), seed=seed), len(tasks.names), penalty=0.01
    )
    qs.fit(learner, source, steps, 8, lr=3e-3, seed=seed, progress=False)
    query = new.batch()
    predicted = learner.predict(
        learner.known(tasks.batch(), torch.arange(len(tasks.names))), query.x
    )
    return float((predicted - query.y).square().mean())


def by_group(tasks: TableTasks, new: TableTasks, groups: torch.Tensor) -> float:
    """The mean squared error of new rows of one ridge regression a group."""
    errors = []
    for group in groups.unique():
        own, other = ((groups == group)[part.task] for part in (tasks, new))
        model = RidgeCV(PENALTIES).fit(tasks.x[own].numpy(), tasks.y[own, 0].numpy())
        errors.append((model.predict(new.x[other].numpy()) - new.y[other, 0].numpy()) ** 2)
    return float(np.concatenate(errors).mean())


def interval(values: Sequence[float]) -> str:
    return f"{np.mean(values):+.3f} ± {1.96 * np.std(values, ddof=1) / len(values) ** 0.5:.3f}"


def measures(seeds: int) -> None:
    print(
        "| tasks | measure | groups found | adjusted Rand index | reliability "
        "|\n|---|---|---|---|---|"
    )
    for case, (rows, noise) in CASES.items():
        for measure in MEASURES:
            index, reliability, counts = [], [], []
            for seed in range(seeds):
                tasks, _, groups = planted(seed, rows, noise)
                found = measured(tasks, measure, seed)
                index.append(adjusted_rand_score(groups, found.groups))
                reliability.append(found.reliability)
                counts.append(found.num_groups)
            shown = ", ".join(map(str, counts))
            print(
                f"| {case} | {measure} | {shown} | {np.mean(index):.2f} | "
                f"{np.mean(reliability):.2f} |",
                flush=True,
            )


def training(seeds: int, steps: int) -> None:
    print(
        "\n| tasks | error, uniform | related − uniform | hard groups − uniform | a ridge a "
        "group − one for all |\n|---|---|---|---|---|"
    )
    for case, (rows, noise) in CASES.items():
        base, soft, hard, ridges = [], [], [], []
        for seed in range(seeds):
            tasks, new, _ = planted(seed, rows, noise)
            found = measured(tasks, "posterior", seed)
            base.append(trained(tasks, new, None, steps, seed))
            soft.append(trained(tasks, new, found, steps, seed) - base[-1])
            hard.append(trained(tasks, new, found, steps, seed, hard=True) - base[-1])
            ridges.append(
                by_group(tasks, new, found.groups)
                - by_group(tasks, new, torch.zeros_like(found.groups))
            )
        print(
            f"| {case} | {np.mean(base):.3f} | {interval(soft)} | {interval(hard)} | "
            f"{interval(ridges)} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=["measures", "training"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=300)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.only != "training":
        measures(asked.seeds)
    if asked.only != "measures":
        training(asked.seeds, asked.steps)


if __name__ == "__main__":
    main()
