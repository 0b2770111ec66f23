"""The learned prior beside mixed models, ridge and boosting on grouped tables:
``python -m benchmarks.grouped --data FOLDER``.

FOLDER holds ``grouped/``, ``school/school.csv`` and ``parkinsons/parkinsons_updrs.csv``. For every
table: new rows of known groups (75 of 100 rows of every group are known), and new groups of which
K rows are known (a quarter of the groups; 39 schools, 12 patients; K rows drawn five times). Ten
seeded splits. Every way is fitted to the same rows and judged on the same rows by the root mean
squared error, averaged over groups. The difference of a way to the learned prior is that of the
same split; its interval is of 95 %, by the variance of Nadeau & Bengio 2003 for random splits that
overlap. Peers refit on the rows of new groups too.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.stats import t as student

import quickstudy as qs
from benchmarks.grouped_peers import PEERS
from quickstudy.episode import Episode
from quickstudy.ladder.judge import judge
from quickstudy.ladder.rungs import BoostedPrior, Rung
from quickstudy.ladder.rungs.adapting import LearnedPrior
from quickstudy.tasks import TableTasks
from quickstudy.tasks.table_form import TableForm

LEVEL = 0.9
OURS = "learned prior"


@dataclass(frozen=True)
class Source:
    """Where a table is: its file, the column of its groups, its target, columns left out."""

    path: str
    task: str
    target: str
    without: tuple[str, ...] = ()
    shots: tuple[int, ...] = (2, 5, 10)
    new: float | int = 0.25

    def read(self, folder: Path) -> qs.tasks.Table:
        rows = pd.read_csv(folder / self.path).drop(columns=list(self.without))
        return qs.tasks.Table(rows, self.task, self.target)


TABLES = {
    "School": Source("school/school.csv", "school", "score", (), (5, 10, 15), 39),
    "Parkinson": Source(
        "parkinsons/parkinsons_updrs.csv", "subject", "total_UPDRS", ("motor_UPDRS",), new=12
    ),
    "ChickWeight": Source("grouped/ChickWeight.csv", "Chick", "weight", shots=(2, 5)),
    "sleepstudy": Source("grouped/sleepstudy.csv", "Subject", "Reaction", shots=(2, 5)),
    "Oxboys": Source("grouped/Oxboys.csv", "Subject", "height", ("Occasion",), (2, 5)),
    "MathAchieve": Source("grouped/MathAchieve.csv", "School", "MathAch"),
    "radon": Source("grouped/radon.csv", "county", "log.radon"),
    "bdf": Source("grouped/bdf.csv", "schoolNR", "langPOST"),
    "InstEval": Source("grouped/InstEval.csv.gz", "d", "y", ("s",)),
}


@dataclass(frozen=True)
class Protocol:
    """A split: what is learned from, and what is predicted."""

    name: str
    train: TableTasks
    episodes: list[Episode]
    known: bool

    @property
    def held(self) -> float:
        """Judged rows for each row that is learned from."""
        return float(self.episodes[0].query.mask.sum()) / len(self.train.x)


def protocols(source: Source, table: qs.tasks.Table, split: int) -> Iterator[Protocol]:
    train, test = table.split_rows(0.75, split)
    seen = Episode(train.batch(train.places(test.identity)), test.batch(), test.identity)
    yield Protocol("new rows", train, [seen], True)
    train, unseen = table.split_tasks(source.new, split)
    for shot in source.shots:
        moments = (qs.generator(split, "ladder", 1000 * shot + draw) for draw in range(5))
        episodes = [unseen.draw(shot, None, moment) for moment in moments]
        yield Protocol(f"K = {shot}", train, episodes, False)


def measured(way: Rung, protocol: Protocol, form: TableForm) -> tuple[float, float]:
    """Return the error, and how often the interval of 90 % holds the target (NaN without one)."""
    errors, inside, queries = [], 0.0, 0.0
    for episode in protocol.episodes:
        asked = form.episode(episode)
        errors.append(judge(form.unscaled(way.predict(asked, protocol.known)), episode.query))
        try:
            bounds = way.interval(asked, LEVEL)
        except qs.UserError:
            inside = np.nan
            continue
        low, high = (form.unscaled(bound) for bound in bounds)
        y, mask = episode.query.y, episode.query.mask > 0
        holds = ((low <= y) & (y <= high)).squeeze(-1)[mask]
        inside, queries = inside + float(holds.sum()), queries + len(holds)
    return float(np.mean([each["rmse"] for each in errors])), inside / max(1.0, queries)


def ours() -> dict[str, Rung]:
    return {OURS: LearnedPrior(), BoostedPrior.name: BoostedPrior()}


Values = dict[str, dict[str, list[tuple[float, float]]]]


def run(name: str, folder: Path, splits: int, chosen: list[str] | None) -> None:
    """Measure a table; Ctrl-C shows the splits so far."""
    source = TABLES[name]
    table = source.read(folder)
    found: Values = defaultdict(lambda: defaultdict(list))
    seconds, held = defaultdict(list), {}
    try:
        for split in range(splits):
            one(source, table, split, chosen, found, seconds, held)
    except KeyboardInterrupt:
        print(f"\n{name}: stopped in split {split}")
    show(name, found, seconds, held)


def one(source, table, split, chosen, found, seconds, held) -> None:
    """Measure every way on one split."""
    fitted: dict[int, dict[str, Rung]] = {}
    for protocol in protocols(source, table, split):
        form = TableForm.of(protocol.train, table.labels)
        held[protocol.name] = protocol.held
        if id(protocol.train) not in fitted:
            ways = {**ours(), **{way: make() for way, make in PEERS.items()}}
            ways = {way: rung for way, rung in ways.items() if not chosen or way in chosen}
            for way, rung in ways.items():
                began = time.perf_counter()
                rung.fit(form.tasks(protocol.train), split)
                seconds[way].append(time.perf_counter() - began)
            fitted = {id(protocol.train): ways}
        ways = fitted[id(protocol.train)]
        values = {way: measured(rung, protocol, form) for way, rung in ways.items()}
        # only once all ways have one, so that splits stay paired
        for way, value in values.items():
            found[protocol.name][way].append(value)


def show(name, found, seconds, held) -> None:
    for protocol, ways in found.items():
        splits = len(next(iter(ways.values())))
        print(f"\n{name}, {protocol}, {splits} splits\n")
        print(f"| way | RMSE | less {OURS} | in 90 % | seconds to fit |\n|---|---|---|---|---|")
        base = np.array([error for error, _ in ways[OURS]]) if OURS in ways else np.nan
        for way, values in ways.items():
            errors, inside = np.array(values).T
            low, high = interval(errors - base, held[protocol])
            cover = "" if np.isnan(inside).any() else f"{100 * inside.mean():.1f}"
            away = "" if way == OURS else f"{low:+.3f} to {high:+.3f}"
            spent = np.mean(seconds[way])
            print(f"| {way} | {errors.mean():.3f} | {away} | {cover} | {spent:.2f} |", flush=True)


def interval(differences: np.ndarray, held: float) -> tuple[float, float]:
    """Return the ends of the interval of 95 % of a mean over random splits."""
    splits = len(differences)
    if splits < 2:
        return float(differences.mean()), float(differences.mean())
    deviation = np.sqrt((1 / splits + held) * differences.var(ddof=1))
    half = student.ppf(0.975, splits - 1) * deviation
    return float(differences.mean() - half), float(differences.mean() + half)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder of the tables")
    parser.add_argument("--tables", nargs="*", choices=list(TABLES), default=list(TABLES))
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--ways", nargs="*", choices=[*ours(), *PEERS], help="by default all")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for name in asked.tables:
        run(name, asked.data, asked.splits, asked.ways)


if __name__ == "__main__":
    main()
