"""Writes the page to look at after a run."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from quickstudy.cache import write_atomically
from quickstudy.learners import Learner
from quickstudy.relatedness import Relatedness
from quickstudy.reporting import markup
from quickstudy.reporting.estimates import LEARNER
from quickstudy.reporting.figures import Extras, figures_for
from quickstudy.reporting.settings import command_of, flat, read_run
from quickstudy.reporting.table import estimate_cells, estimate_head
from quickstudy.reporting.words import (
    against_baselines,
    default_title,
    headline,
    transduction,
    written,
)
from quickstudy.tasks import TaskSource
from quickstudy.training.evaluate import Estimate, Evaluation
from quickstudy.training.metrics import read_metrics


def write_report(
    folder: str | Path,
    learner: Learner,
    source: TaskSource,
    evaluation: Evaluation,
    seed: int = 0,
    groups: dict[str, Estimate] | None = None,
    group_way: int | None = None,
    title: str | None = None,
    relatedness: Relatedness | None = None,
) -> Path:
    """Write ``folder/report.html``, which needs nothing outside itself.

    The page holds the result in words, a table with the baselines, every figure that applies with
    its explanation, and the run's settings. The files of :func:`quickstudy.fit` in ``folder``
    (``metrics.jsonl``, ``run.json``) are used if they are there. The figures are also written to
    ``folder/figures``.

    Args:
        folder: The run's folder.
        learner: The learner.
        source: The tasks it was evaluated on.
        evaluation: The result of :func:`quickstudy.evaluate` on these tasks.
        seed: Chooses the tasks that are drawn.
        groups: The values of :func:`~quickstudy.reporting.accuracy_by_group_values`.
        group_way: Classes of a task in these groups, which give the accuracy of guessing.
        title: Heading of the page; by default learner, source, way and shot.
        relatedness: The result of :func:`quickstudy.relatedness.relate` on the training tasks.

    Returns:
        The path of the page.

    Raises:
        UserError: If ``run.json`` cannot be read.
        OSError: If a file cannot be written.
    """
    folder = Path(folder)
    title = default_title(learner, evaluation) if title is None else title
    run = read_run(folder)
    extras = Extras(_metrics_of(folder), groups or {}, group_way, relatedness)
    shown = figures_for(learner, source, evaluation, extras, seed)
    body = [markup.element("h1", title), _result(evaluation)]
    body += [figure.section(folder) for figure in shown]
    body += [_evaluated(evaluation), *_settings(run)]
    report = folder / "report.html"
    write_atomically(report, markup.document(title, body).encode())
    return report


def _metrics_of(folder: Path) -> Sequence[dict[str, float]]:
    """Read the metrics of a run; empty if it was not trained here."""
    path = folder / "metrics.jsonl"
    return read_metrics(path) if path.exists() else []


def _settings(run: dict[str, Any]) -> Iterator[str]:
    """Give the sections on how a run was trained, if that is known."""
    if settings := flat(run):
        yield markup.section("Settings of the run", [markup.settings(settings)])
    if command := command_of(run):
        yield markup.section("Run it again", [markup.element("pre", command)])


def _result(evaluation: Evaluation) -> str:
    """Give the section of the result: in a number, in words, and in a table."""
    parts = [*_told(evaluation), _table(evaluation)]
    return markup.section(evaluation.metric.replace("_", " ").capitalize(), parts, "result")


def _told(evaluation: Evaluation) -> Iterator[str]:
    """Write the result as a number and in words."""
    number = written(evaluation.estimate, evaluation.metric, tasks=False)
    yield markup.element("p", number, "number")
    yield markup.element("p", headline(evaluation))
    yield markup.element("p", against_baselines(evaluation))
    yield markup.element("p", transduction(evaluation.transductive), "soft")


def _table(evaluation: Evaluation) -> str:
    rows = [(LEARNER, evaluation.estimate), *evaluation.baselines.items()]
    cells = [estimate_cells(name, estimate, evaluation.metric) for name, estimate in rows]
    return markup.numbers_table(estimate_head(evaluation.metric), cells)


def _evaluated(evaluation: Evaluation) -> str:
    """Give the section on how the run was evaluated."""
    values = {
        "tasks": evaluation.source,
        "num_tasks": evaluation.estimate.num_tasks,
        "seed": evaluation.seed,
        "versions": evaluation.versions,
    }
    return markup.section("How it was evaluated", [markup.settings(flat(values))])
