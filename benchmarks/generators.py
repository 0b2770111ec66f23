"""Tasks of two kinds, sinusoids and lines: generators beside learners by gradient. ``python -m
benchmarks.generators``.

Every learner has the network of MAML's sinusoids (two layers of 40), the same training tasks (the
seed's), steps and outer rate. How many inner steps are taken at test is chosen on 200 tasks of
another seed. Mean squared error on the same evaluation tasks, with 95 % intervals, and the paired
difference to the first row."""

import argparse
import time
from collections.abc import Callable, Sequence

import torch
from torch import nn

import quickstudy as qs
from quickstudy.random import ambient
from quickstudy.training.evaluate import Estimate, frozen_tasks

ROWS: dict[str, Callable[[nn.Module], qs.Learner]] = {
    "generator, FiLM": lambda model: qs.Generator(model, encoder_size=128),
    "generator, low rank": lambda model: qs.Generator(model, "lowrank", encoder_size=128),
    "generator, FiLM, 1 step": lambda model: qs.Generator(
        model, encoder_size=128, inner_steps=1, inner_lr=0.01
    ),
    "MAML, 1 step, rate 0.01": lambda model: qs.MAML(model, 0.01, 1),
    "MAML, 1 step, rate 0.003": lambda model: qs.MAML(model, 0.003, 1),
    "MAML, 5 steps, rate 0.01": lambda model: qs.MAML(model, 0.01, 5),
    "MAML, 5 steps, rate 0.003": lambda model: qs.MAML(model, 0.003, 5),
    "MAML, 5 steps, rate 0.001": lambda model: qs.MAML(model, 0.001, 5),
    "Meta-SGD, 1 step": lambda model: qs.MetaSGD(model, 0.01),
    "CAVIA, 1 step": lambda model: qs.CAVIA(model, 0.1),
    "CAVIA, 5 steps": lambda model: qs.CAVIA(model, 0.1, 5),
}
STEPS_AT_TEST = (1, 2, 5, 10, 20)


def mixture(shot: int, query: int, noise: float = 0.0) -> qs.tasks.Mixture:
    """Sinusoids and lines, one as likely as the other."""
    return qs.tasks.Mixture(
        [qs.tasks.Sinusoid().episodes(shot, query), qs.tasks.Line().episodes(shot, query)], noise
    )


def trained(
    make: Callable[[nn.Module], qs.Learner],
    tasks: qs.tasks.Mixture,
    steps: int,
    lr: float,
    seed: int,
) -> qs.Learner:
    """A learner trained by Adam on 25 tasks a step, its rate falling to 0 by a cosine."""
    with ambient(seed, "learner"):
        learner = make(qs.models.MLP(1, 1, seed=seed))
    optimizer = torch.optim.Adam(learner.parameters(), lr, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    qs.fit(
        learner,
        tasks,
        steps,
        25,
        optimizer=optimizer,
        scheduler=schedule,
        seed=seed,
        progress=False,
    )
    return learner


def errors(
    learner: qs.Learner, tasks: qs.tasks.Mixture, num_tasks: int, seed: int, steps: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean squared error of every task after inner ``steps``, and the place of its source
    ``[task]``."""
    parts = [
        (
            episode.query.target.values(
                learner.predict(learner.adapt(episode.support, steps), episode.query.x),
                episode.query.y,
                episode.query.mask,
            )["mean_squared_error"],
            episode.task,
        )
        for episode in frozen_tasks(tasks, num_tasks, seed)
    ]
    return torch.cat([values for values, _ in parts]), torch.cat([place for _, place in parts])


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, evaluate, and print a table row by row."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shot", type=int, default=5)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--noise", type=float, default=0.0, help="on every target, at test too")
    parser.add_argument("--num-tasks", type=int, default=2000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS), metavar="ROW")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    tasks, test = mixture(asked.shot, 10, asked.noise), mixture(asked.shot, 100, asked.noise)
    print(
        "| learner | seed | inner steps at test | error | sinusoids | lines | difference to "
        "the first | training, s of CPU |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for seed in asked.seeds:
        first = None
        for name in asked.rows:
            began = time.process_time()
            learner = trained(ROWS[name], tasks, asked.steps, asked.lr, seed)
            seconds = time.process_time() - began
            choice = (0, *STEPS_AT_TEST[:3]) if isinstance(learner, qs.Generator) else STEPS_AT_TEST
            best = min(
                choice,
                key=lambda k: float(
                    errors(learner, test, 200, 1, k)[0].nan_to_num(torch.inf).mean()
                ),
            )
            values, place = errors(learner, test, asked.num_tasks, 7, best)
            first = values if first is None else first
            kinds = [f"{values[place == kind].mean():.3f}" for kind in (0, 1)]
            shown = [Estimate.of(part).text("mse") for part in (values, values - first)]
            print(
                f"| {name} | {seed} | {best} | {shown[0]} | {kinds[0]} | {kinds[1]} | "
                f"{shown[1]} | {seconds:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
