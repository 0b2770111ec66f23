"""A table of 2,000 tasks and 1,000,000 rows: ``python -m benchmarks.large_table``.

Rows are drawn from a linear model whose weights vary by task; targets have standard deviation 1,
the noise 0.19. Each way runs in a process of its own: time to fit, time to adapt a new task from 10
rows, root mean squared error on new rows of the tasks, and the most memory that the process held.
"""

import argparse
import resource
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import RidgeCV

import quickstudy as qs
from quickstudy.ladder.rungs import PENALTIES, Sharing
from quickstudy.learners import LinearPrior
from quickstudy.tasks import TableTasks

TASKS, ROWS, FEATURES, NOISE = 2_000, 1_000_000, 20, 1.0


def table() -> pd.DataFrame:
    draw = np.random.default_rng(0)
    task = np.sort(draw.integers(0, TASKS, ROWS))
    x = draw.normal(size=(ROWS, FEATURES)).astype(np.float32)
    weights = draw.normal(size=FEATURES) + 0.5 * draw.normal(size=(TASKS, FEATURES))
    y = (x * weights[task]).sum(1) + NOISE * draw.normal(size=ROWS)
    y /= y.std()
    return pd.DataFrame({f"x{i}": x[:, i] for i in range(FEATURES)} | {"task": task, "y": y})


def prior(train: TableTasks) -> LinearPrior:
    learner = LinearPrior(qs.models.Powers(train.x.shape[1], 1))
    learner.fit_tasks(train)
    return learner


def sharing(train: TableTasks) -> object:
    rung = Sharing("hard sharing", heads=True, refit=False, steps=2000)
    rung.fit(train, 0)
    return rung.learner


def ridges(train: TableTasks) -> list[RidgeCV]:
    pairs = zip(train.x.split(train.sizes), train.y.split(train.sizes), strict=True)
    return [RidgeCV(PENALTIES).fit(x.numpy(), y.numpy()[:, 0]) for x, y in pairs]


WAYS = {"learned prior": prior, "hard sharing": sharing, "scikit-learn, a ridge a task": ridges}


def measure(name: str) -> None:
    began = time.perf_counter()
    train, test = qs.tasks.Table(table(), task="task", target="y").split_rows(0.9)
    read = time.perf_counter() - began
    began = time.perf_counter()
    fitted = WAYS[name](train)
    spent = time.perf_counter() - began
    ten = train.draw(10, 10, qs.generator(0, "ten rows"), list(range(50)))
    if isinstance(fitted, list):
        predicted = torch.cat(
            [
                torch.from_numpy(m.predict(x.numpy()))
                for m, x in zip(fitted, test.x.split(test.sizes), strict=True)
            ]
        ).unsqueeze(1)
        began = time.perf_counter()
        for task in range(50):
            RidgeCV(PENALTIES).fit(ten.support.x[task].numpy(), ten.support.y[task].numpy()[:, 0])
    else:
        parts = []
        for index in range(0, TASKS, 50):
            chosen = list(range(index, index + 50))
            support, query = train.batch(chosen), test.batch(chosen)
            known = (
                fitted.known(support, train.identity[chosen])
                if hasattr(fitted, "known")
                else fitted.adapt(support)
            )
            parts.append(fitted.predict(known, query.x)[query.mask > 0])
        predicted = torch.cat(parts)
        began = time.perf_counter()
        for task in range(50):
            fitted.adapt(ten.support[task : task + 1])
    adapting = 1e3 * (time.perf_counter() - began) / 50
    error = (predicted - test.y).square().mean().sqrt()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"| {name} | {read:.1f} | {spent:.1f} | {adapting:.2f} | {error:.3f} | {peak:.2f} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=list(WAYS))
    asked = parser.parse_args()
    if asked.only:
        measure(asked.only)
        return
    print(
        "| way | seconds to read and encode | seconds to fit | ms to adapt a new task | RMSE "
        "| peak GiB |"
    )
    print("|---|---|---|---|---|---|", flush=True)
    for name in WAYS:
        subprocess.run([sys.executable, "-m", "benchmarks.large_table", "--only", name], check=True)


if __name__ == "__main__":
    main()
