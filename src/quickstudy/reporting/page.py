"""Writes the page to look at after a run."""

from pathlib import Path
from typing import Any

from quickstudy.cache import write_atomically
from quickstudy.learners import Learner
from quickstudy.relatedness import Relatedness
from quickstudy.reporting import markup
from quickstudy.reporting.figures import Extras, figures_for
from quickstudy.reporting.settings import command_of, flat, read_run
from quickstudy.reporting.table import cells_of
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
    how to read it, and the run's settings. The files of :func:`quickstudy.fit` in ``folder``
    (``metrics.jsonl``, ``run.json``) are used if they are there. The figures are also written to
    ``folder/figures``.

    Args:
        folder: The run's folder.
        learner: The learner.
        source: The tasks it was evaluated on.
        evaluation: The result of :func:`quickstudy.evaluate` there.
        seed: Chooses the tasks that are drawn.
        groups: The values of :func:`~quickstudy.reporting.accuracy_by_group_values`.
        group_way: Classes of a task there, which give the accuracy of guessing.
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
    run, path = read_run(folder), folder / "metrics.jsonl"
    metrics = read_metrics(path) if path.exists() else []
    body = [markup.element("h1", title), _result(evaluation)]
    extras = Extras(metrics, groups or {}, group_way, relatedness)
    for shown in figures_for(learner, source, evaluation, extras, seed):
        body.append(markup.section(shown.title, [shown.keep(folder)]))
    body.append(markup.section("How it was evaluated", [markup.settings(_evaluated(evaluation))]))
    body += _settings(run)
    report = folder / "report.html"
    write_atomically(report, markup.document(title, body).encode())
    return report


def _settings(run: dict[str, Any]) -> list[str]:
    """Give the sections on how a run was trained, if that is known."""
    sections = []
    if settings := flat(run):
        sections.append(markup.section("Settings of the run", [markup.settings(settings)]))
    if command := command_of(run):
        sections.append(markup.section("Run it again", [markup.element("pre", command)]))
    return sections


def _result(evaluation: Evaluation) -> str:
    metric = evaluation.metric
    rows = [("this learner", evaluation.estimate), *evaluation.baselines.items()]
    cells = [cells_of(name, estimate, metric) for name, estimate in rows]
    name = metric.replace("_", " ")
    parts = [
        markup.element("p", written(evaluation.estimate, metric, tasks=False), "number"),
        markup.element("p", headline(evaluation)),
        markup.element("p", against_baselines(evaluation)),
        markup.element("p", transduction(evaluation.transductive), "soft"),
        markup.numbers(["", f"{name}, 95 % interval", "tasks", "diverged"], cells),
    ]
    return markup.section(name.capitalize(), parts, "result")


def _evaluated(evaluation: Evaluation) -> dict[str, str]:
    return flat(
        {
            "tasks": evaluation.source,
            "num_tasks": evaluation.estimate.num_tasks,
            "seed": evaluation.seed,
            "versions": evaluation.versions,
        }
    )
