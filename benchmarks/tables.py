"""The ladder on real tables: ``python -m benchmarks.tables --school school.csv --parkinsons
parkinsons_updrs.csv``.

School: 139 schools, ten random 75/25 splits within every school; and 39 held-out schools with K
    pupils. Parkinson: 12 held-out
patients with K recordings, total UPDRS from everything but motor UPDRS. Ten seeded splits, K rows
drawn five times; mean and standard deviation over the splits. With ``--classes`` it is predicted
whether a score, or a patient's UPDRS, is above its median."""

import argparse
from collections.abc import Sequence

import numpy as np
import pandas as pd

import quickstudy as qs
from quickstudy.ladder.ladder import Score, ladder_rows, ladder_tasks
from quickstudy.ladder.rungs import BoostedPrior, Rung, rungs


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--school", help="school.csv")
    parser.add_argument("--parkinsons", help="parkinsons_updrs.csv")
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument(
        "--classes", action="store_true", help="predict whether the target is above its median"
    )
    kinds = {"regression": qs.targets.Numbers((1,)), "classification": qs.targets.Classes(2)}
    names = dict.fromkeys(rung.name for one in kinds.values() for rung in ladder(one))
    parser.add_argument("--ways", nargs="*", choices=list(names), help="only these; by default all")
    asked = parser.parse_args()
    kind = "classification" if asked.classes else "regression"
    ways = [rung for rung in ladder(kinds[kind]) if asked.ways is None or rung.name in asked.ways]
    if asked.school:
        school = table(pd.read_csv(asked.school), "school", "score", kind)
        show("School, seen schools, new pupils", ladder_rows(school, asked.splits, ways=ways))
        show(
            "School, 39 held-out schools",
            ladder_tasks(school, (5, 10, 15), 39, asked.splits, ways=ways),
        )
    if asked.parkinsons:
        patients = pd.read_csv(asked.parkinsons).drop(columns="motor_UPDRS")
        voices = table(patients, "subject", "total_UPDRS", kind)
        show(
            "Parkinson, 12 held-out patients",
            ladder_tasks(voices, (2, 5, 10), 12, asked.splits, ways=ways),
        )


def ladder(target: qs.targets.Target) -> list[Rung]:
    return [*rungs(target), *([] if target.way else [BoostedPrior()])]


def table(rows: pd.DataFrame, task: str, target: str, kind: str) -> qs.tasks.Table:
    if kind == "classification":
        rows = rows.assign(**{target: rows[target] > rows[target].median()})
    return qs.tasks.Table(rows, task, target, kind)


def show(title: str, scores: Sequence[Score]) -> None:
    shots = list(dict.fromkeys(score.shot for score in scores))
    first, second = scores[0].metrics
    heads = ["new rows" if shot is None else f"K = {shot}" for shot in shots]
    print(f"\n{title}: {first} over tasks ({second} %)\n")
    print(
        f"| way | {' | '.join(heads)} | seconds to fit | ms to adapt "
        f"|\n|---|{'---|' * (len(heads) + 2)}"
    )
    digits = 2 if first == "rmse" else 4
    for name in dict.fromkeys(score.name for score in scores):
        own = [score for score in scores if score.name == name]
        cells = []
        for shot in shots:
            error, other = (
                np.array([s.metrics[what] for s in own if s.shot == shot])
                for what in (first, second)
            )
            cells.append(
                f"{error.mean():.{digits}f} ± {error.std():.{digits}f} "
                f"({100 * other.mean():.1f} ± {100 * other.std():.1f})"
            )
        seconds, ms = np.mean([s.fit_seconds for s in own]), np.mean([s.adapt_ms for s in own])
        print(f"| {name} | {' | '.join(cells)} | {seconds:.2f} | {ms:.2f} |", flush=True)


if __name__ == "__main__":
    main()
