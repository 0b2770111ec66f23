"""``quickstudy evaluate``."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from quickstudy.cli.judging import Judging, evaluate_run, read_run, tasks_of
from quickstudy.cli.options import Run, parse
from quickstudy.reporting import results_table
from quickstudy.training import Baselines, Evaluation

SLOW = 5.0
"""Seconds from which on it is said that a baseline takes most of the time."""


@dataclass(frozen=True)
class _Required:
    run: Run
    """The run's folder."""


@dataclass(frozen=True)
class EvaluateOptions(Judging, _Required):
    """Options of ``quickstudy evaluate``."""

    baselines: Baselines = "all"
    """Plain baselines on the same tasks: quick is nearest neighbour or the support mean; all is
    also the learner untrained, and its network trained from scratch on each support set, which
    takes most of the time."""


def main(arguments: Sequence[str]) -> int:
    """Evaluate a run and print a table, or one JSON object."""
    asked = parse(
        EvaluateOptions,
        arguments,
        "evaluate",
        "Evaluate a run on new tasks, next to plain baselines.",
    )
    run = read_run(asked.run, asked)
    found = evaluate_run(run, tasks_of(run, asked), asked, asked.baselines)
    if asked.json:
        print(json.dumps(found.to_dict()))
    else:
        show(found, str(asked.run), Console())
        tell_cost(found)
    return 0


def show(found: Evaluation, name: str, console: Console) -> None:
    """Print an evaluation as a table."""
    note = "transductive" if found.transductive else "not transductive"
    rows = [(f"{name} ({note})", found.estimate), *found.baselines.items()]
    title = f"{found.source['source']}, {size_in_words(found.source)}, seed {found.seed}"
    console.print(results_table(title, rows, found.metric))
    if len(found.per_step) > 1:
        steps = ", ".join(
            f"{step}: {estimate.text(found.metric)}" for step, estimate in found.per_step.items()
        )
        console.print(f"after inner steps  {steps}", highlight=False)


def size_in_words(source: dict[str, object]) -> str:
    """Say way and shot.

    Example:
        >>> size_in_words({"way": 5, "shot": 1}), size_in_words({"shot": 10})
        ('5-way 1-shot', '10-shot')
    """
    way = f"{source['way']}-way " if source.get("way") is not None else ""
    return f"{way}{source.get('shot')}-shot"


def tell_cost(found: Evaluation) -> None:
    """Say on standard error if one baseline took most of the time, and how to do without."""
    total = sum(found.seconds.values())
    name, seconds = max(found.seconds.items(), key=lambda item: item[1], default=("", 0.0))
    if name in found.baselines and seconds > SLOW and seconds > total / 2:
        Console(stderr=True, highlight=False, soft_wrap=True).print(
            f"Baseline '{name}' took {seconds:.0f} s of {total:.0f} s: --baselines quick leaves it "
            "out.",
            markup=False,
        )
