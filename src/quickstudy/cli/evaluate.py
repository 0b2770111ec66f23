"""``quickstudy evaluate``."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from quickstudy.cli.options import Run, Tasks, parse
from quickstudy.cli.runs import evaluate_run
from quickstudy.report import results_table
from quickstudy.training import Evaluation


@dataclass(frozen=True)
class _Required:
    run: Run
    """The run's folder."""


@dataclass(frozen=True)
class EvaluateOptions(Tasks, _Required):
    """Options of ``quickstudy evaluate``."""

    baselines: bool = True
    """Run the plain baselines on the same tasks."""


def main(arguments: Sequence[str]) -> int:
    """Evaluate a run and print a table, or one JSON object."""
    asked = parse(
        EvaluateOptions,
        arguments,
        "evaluate",
        "Evaluate a run on new tasks, next to plain baselines.",
    )
    found = evaluate_run(asked.run, asked, asked.baselines)
    if asked.json:
        print(json.dumps(found.to_dict()))
    else:
        show(found, str(asked.run), Console())
    return 0


def show(found: Evaluation, name: str, console: Console) -> None:
    """Print an evaluation as a table."""
    source = found.source
    tasks = (
        f"{source['way']}-way {source['shot']}-shot"
        if "way" in source
        else f"{source['shot']}-shot"
    )
    note = "transductive" if found.transductive else "not transductive"
    rows = [(f"{name} ({note})", found.estimate), *found.baselines.items()]
    console.print(
        results_table(f"{source['source']}, {tasks}, seed {found.seed}", rows, found.metric)
    )
    if len(found.per_step) > 1:
        steps = ", ".join(
            f"{step}: {estimate.text(found.metric)}" for step, estimate in found.per_step.items()
        )
        console.print(f"after inner steps  {steps}", highlight=False)
