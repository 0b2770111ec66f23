"""The ladder on real tables: ``python -m benchmarks.tables --school school.csv --parkinsons parkinsons_updrs.csv``.

School: 139 schools, ten random 75/25 splits within every school; and 39 held-out schools with K pupils. Parkinson: 12 held-out
patients with K recordings, total UPDRS from everything but motor UPDRS. Ten seeded splits, K rows drawn five times; mean and
standard deviation over the splits.
"""

import argparse
from collections.abc import Sequence

import numpy as np
import pandas as pd

import quickstudy as qs
from quickstudy.training.ladder import Score, ladder_rows, ladder_tasks
from quickstudy.training.rungs import rungs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--school", help="school.csv")
    parser.add_argument("--parkinsons", help="parkinsons_updrs.csv")
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--ways", nargs="*", choices=[rung.name for rung in rungs()], help="only these; by default all")
    asked = parser.parse_args()
    ways = [rung for rung in rungs() if asked.ways is None or rung.name in asked.ways]
    if asked.school:
        school = qs.tasks.Table(asked.school, task="school", target="score")
        show("School, seen schools, new pupils", ladder_rows(school, asked.splits, ways=ways))
        show("School, 39 held-out schools", ladder_tasks(school, (5, 10, 15), 39, asked.splits, ways=ways))
    if asked.parkinsons:
        patients = pd.read_csv(asked.parkinsons).drop(columns="motor_UPDRS")
        table = qs.tasks.Table(patients, task="subject", target="total_UPDRS")
        show("Parkinson, 12 held-out patients", ladder_tasks(table, (2, 5, 10), 12, asked.splits, ways=ways))


def show(title: str, scores: Sequence[Score]) -> None:
    protocols = list(dict.fromkeys(score.protocol for score in scores))
    print(f"\n{title}: RMSE over tasks (explained variance %)\n")
    print(f"| way | {' | '.join(protocols)} | seconds to fit | ms to adapt |\n|---|{'---|' * (len(protocols) + 2)}")
    for name in dict.fromkeys(score.name for score in scores):
        own = [score for score in scores if score.name == name]
        cells = []
        for protocol in protocols:
            rmse, explained = (np.array([getattr(s, what) for s in own if s.protocol == protocol]) for what in ("rmse", "explained"))
            cells.append(f"{rmse.mean():.2f} ± {rmse.std():.2f} ({100 * explained.mean():.1f} ± {100 * explained.std():.1f})")
        seconds, ms = np.mean([s.fit_seconds for s in own]), np.mean([s.adapt_ms for s in own])
        print(f"| {name} | {' | '.join(cells)} | {seconds:.2f} | {ms:.2f} |", flush=True)


if __name__ == "__main__":
    main()
