"""The command ``quickstudy evaluate``."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from quickstudy.cli.console import say
from quickstudy.cli.judging import Judging, evaluate_run, opened_run, tasks_of
from quickstudy.cli.options import Run, parse
from quickstudy.reporting import results_table
from quickstudy.training import Baselines, Evaluation

PURPOSE = "Evaluate a run on new tasks, next to plain baselines."
SLOW = 5.0
"""The least seconds for a note that a baseline takes most of the time."""


@dataclass(frozen=True)
class _Required:
    run: Run
    """The run's folder."""


@dataclass(frozen=True)
class EvaluateOptions(Judging, _Required):
    """Options of the command evaluate."""

    baselines: Baselines = "all"
    """Plain baselines on the same tasks: quick is nearest neighbour or the support mean; all is
    also the learner untrained, and its network trained from scratch on each support set, which
    takes most of the time."""


def main(arguments: Sequence[str]) -> int:
    """Evaluate a run and print a table, or one JSON object."""
    asked = parse(EvaluateOptions, arguments, "evaluate", PURPOSE)
    run = opened_run(asked.run, asked)
    found = evaluate_run(run, tasks_of(run, asked), asked, asked.baselines)
    if asked.json:
        print(json.dumps(found.to_dict()))
    else:
        show(found, str(asked.run), Console())
        tell_cost(found)
    return 0


def show(found: Evaluation, name: str, console: Console) -> None:
    """Print an evaluation as a table."""
    rows = [(_named(name, found), found.estimate), *found.baselines.items()]
    console.print(results_table(_title(found), rows, found.metric))
    if len(found.per_step) > 1:
        console.print(f"after inner steps  {_steps_in_words(found)}", highlight=False)


def _named(name: str, found: Evaluation) -> str:
    """Name the run, and say whether it is transductive."""
    return f"{name} (transductive)" if found.transductive else f"{name} (not transductive)"


def _title(found: Evaluation) -> str:
    return f"{found.source['source']}, {size_in_words(found.source)}, seed {found.seed}"


def _steps_in_words(found: Evaluation) -> str:
    """Print the result after every number of inner steps that was evaluated."""
    told = [f"{step}: {one.text(found.metric)}" for step, one in found.per_step.items()]
    return ", ".join(told)


def size_in_words(source: dict[str, object]) -> str:
    """Say way and shot.

    Example:
        >>> size_in_words({"way": 5, "shot": 1}), size_in_words({"shot": 10})
        ('5-way 1-shot', '10-shot')
    """
    way = f"{source['way']}-way " if source.get("way") is not None else ""
    return f"{way}{source.get('shot')}-shot"


def tell_cost(found: Evaluation) -> None:
    """Say on standard error if one baseline took most of the time, and how to leave it out."""
    name, seconds = _slowest(found)
    total = sum(found.seconds.values())
    if name in found.baselines and seconds > max(SLOW, total / 2):
        say(
            f"Baseline '{name}' took {seconds:.0f} s of {total:.0f} s: --baselines quick leaves it "
            "out."
        )


def _slowest(found: Evaluation) -> tuple[str, float]:
    """Give the part of the evaluation that took most of the time, and its seconds."""
    seconds = found.seconds
    name = max(seconds, key=seconds.__getitem__, default="")
    return name, seconds.get(name, 0.0)
