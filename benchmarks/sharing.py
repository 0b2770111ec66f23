"""Sharing structures: ``python -m benchmarks.sharing``; on schools as well with ``--school
school.csv``.

*Few patterns*: 40 linear tasks of 15 rows and 20 features, whose weights are combinations of 2
patterns; noise 0.5. *Two kinds*: 40 tasks of 20 rows and 4 features, waves along one direction or
folds along another; noise 0.1. Root mean squared error on new rows of these tasks, and on as many
new tasks of which so many rows are seen."""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

import quickstudy as qs
from quickstudy import Batch, Episode, Learner
from quickstudy.ladder.ladder import ladder_rows
from quickstudy.ladder.rungs import Rung
from quickstudy.models import MLP, CrossStitch, LayeredExperts, MixtureOfExperts
from quickstudy.tasks import TableTasks

TASKS = 40
WEAK, STRONG = 0.01, 10.0
"""Penalties; on schools, whose pupils say little about their own school, many own weights are held
strongly (picked on split 0)."""


def structures(
    inputs: int, tasks: int, seed: int = 0, many: float = WEAK, trace: float = WEAK
) -> dict[str, Callable[[], Learner]]:
    """Every structure with networks of two hidden layers, with the penalty of ``many`` own weights,
    and of their trace norm."""

    def network(outputs: int | None = 1) -> MLP:
        return MLP(inputs, outputs, hidden=(16, 8), seed=seed)

    return {
        "a network a task": lambda: qs.SoftSharing(network(), tasks, 0.0, proximal=WEAK),
        "hard sharing": lambda: qs.HardSharing(network(), tasks, WEAK, proximal=WEAK),
        "soft sharing, mean": lambda: qs.SoftSharing(network(), tasks, many, proximal=WEAK),
        "soft sharing, trace norm": lambda: qs.SoftSharing(
            network(), tasks, trace, "trace", proximal=WEAK
        ),
        "mixture of 4 experts": lambda: qs.PartialSharing(
            MixtureOfExperts(network(None), 1, 4), tasks, None, many, proximal=WEAK
        ),
        "layered experts, 2 and 1": lambda: qs.PartialSharing(
            LayeredExperts(network(None), 1), tasks, None, many, proximal=WEAK
        ),
        "2 columns, cross-stitched": lambda: qs.PartialSharing(
            CrossStitch(network(None), 1, 2), tasks, None, WEAK, proximal=WEAK
        ),
    }


def linear(tasks: int) -> dict[str, Callable[[], Learner]]:
    """Linear functions, independent or held together."""
    held = {"independent": ("mean", 0.0), "mean": ("mean", 0.3), "trace norm": ("trace", 3.0)}
    return {
        name: lambda relation=relation, penalty=penalty: qs.SoftSharing(
            MLP(20, 1, hidden=()), tasks, penalty, relation
        )  # type: ignore[misc]
        for name, (relation, penalty) in held.items()
    }


def few_patterns(rows: int, seed: int) -> Batch:
    patterns, draw = (
        torch.randn(2, 20, generator=qs.generator(0, "patterns")),
        qs.generator(seed, "tasks"),
    )
    weights = torch.randn(TASKS, 2, generator=draw) @ patterns / 2**0.5
    x = torch.randn(TASKS, rows, 20, generator=draw)
    return noisy(x, x @ weights.unsqueeze(-1), draw, 0.5)


def two_kinds(rows: int, seed: int) -> Batch:
    draw = qs.generator(seed, "tasks")
    scale = 0.5 + torch.rand(TASKS, 1, 1, generator=draw)
    x = 2 * torch.rand(TASKS, rows, 4, generator=draw) - 1
    wave, fold = torch.sin(4 * x[..., :1]), 2 * x[..., 1:2].abs() - 1
    return noisy(
        x,
        scale * torch.where(torch.arange(TASKS).reshape(-1, 1, 1) % 2 == 0, wave, fold),
        draw,
        0.1,
    )


def noisy(x: Tensor, y: Tensor, draw: torch.Generator, noise: float) -> Batch:
    return Batch(x, y + noise * torch.randn(y.shape, generator=draw), torch.ones(x.shape[:2]))


def part(batch: Batch, rows: slice) -> Batch:
    return Batch(batch.x[:, rows], batch.y[:, rows], batch.mask[:, rows])


@dataclass(frozen=True)
class Seen(qs.tasks.TaskSource):
    """All tasks in every step, with all their rows as queries."""

    rows: Batch
    target: qs.targets.Target = field(default_factory=lambda: qs.targets.Numbers((1,)))

    def sample(self, num_tasks: int, moment: qs.Moment) -> Episode:
        return Episode(part(self.rows, slice(0)), self.rows, torch.arange(TASKS))[:num_tasks]

    def describe(self) -> dict[str, object]:
        return {}


def planted(
    title: str, draw: Callable[[int, int], Batch], rows: int, ways: dict[str, Callable[[], Learner]]
) -> None:
    seen, new = draw(rows + 200, 1), draw(rows + 200, 2)
    few, others = slice(rows), slice(rows, None)
    print(f"{title}:\n  {'':<28}known   new  seconds")
    for name, make in ways.items():
        learner, began = make(), time.perf_counter()
        qs.fit(learner, Seen(part(seen, few)), 600, TASKS, lr=1e-2, progress=False)
        spent = time.perf_counter() - began
        errors = [
            float(
                (learner.predict(adapted, part(batch, others).x) - part(batch, others).y)
                .square()
                .mean()
                .sqrt()
            )
            for batch, adapted in (
                (seen, learner.known(part(seen, few), torch.arange(TASKS))),
                (new, learner.adapt(part(new, few))),
            )
        ]
        print(f"  {name:<28}{errors[0]:.3f} {errors[1]:.3f} {spent:7.0f}", flush=True)


class Structure(Rung):
    """A structure on a table's training tasks, trained as the ladder's hard sharing is."""

    def __init__(self, name: str) -> None:
        self.name = name

    def fit(self, train: TableTasks, seed: int) -> None:
        self.learner = structures(
            train.x.shape[1], int(train.identity.max()) + 1, seed, STRONG, 1.0
        )[self.name]()
        qs.fit(
            self.learner,
            train.episodes(shot=0, query=16),
            400,
            min(len(train.names), 32),
            lr=3e-3,
            seed=seed,
            progress=False,
        )

    def predict(self, episode: Episode, known: bool) -> Tensor:
        return self.learner.predict(
            self.learner.known(episode.support, episode.task), episode.query.x
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--school", help="school.csv")
    parser.add_argument("--splits", type=int, default=3)
    asked = parser.parse_args()
    planted("Few patterns", few_patterns, 15, linear(TASKS))
    planted("Two kinds", two_kinds, 20, structures(4, TASKS))
    if asked.school:
        print("School, new pupils:")
        table = qs.tasks.Table(asked.school, task="school", target="score")
        for name in structures(1, 1):
            scores = ladder_rows(table, asked.splits, ways=[Structure(name)])
            explained, rmse = (
                sum(score.metrics[key] for score in scores) / len(scores)
                for key in ("explained", "rmse")
            )
            print(f"  {name:<28}explained {100 * explained:.1f} %  RMSE {rmse:.2f}", flush=True)


if __name__ == "__main__":
    main()
