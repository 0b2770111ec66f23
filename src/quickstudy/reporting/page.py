"""The page one looks at after a run."""

from pathlib import Path

from quickstudy.cache import write_atomically
from quickstudy.learners import Learner
from quickstudy.relatedness import Relatedness
from quickstudy.reporting import markup
from quickstudy.reporting.figures import figures_for
from quickstudy.reporting.settings import command_of, flat, read_run
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
    """Write ``folder/report.html``, one page that needs nothing outside itself, and its figures in
    ``folder/figures``.

    The page holds the result in words, a table with the baselines, every figure that applies with
    how to read it, and the run's settings. What :func:`quickstudy.fit` left in ``folder``
    (``metrics.jsonl``, ``run.json``) is used where it is.

    Args:
        folder: The run's folder.
        learner: The learner.
        source: The tasks it was evaluated on.
        evaluation: What :func:`quickstudy.evaluate` found there.
        seed: Which tasks are drawn as pictures.
        groups: What :func:`~quickstudy.reporting.accuracy_by_group_values` found.
        group_way: Classes of a task there, which says what guessing would reach.
        title: Heading of the page; by default learner, source, way and shot.
        relatedness: What :func:`quickstudy.relatedness.relate` found among the training tasks.

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
    for shown in figures_for(
        learner, source, evaluation, metrics, groups or {}, group_way, seed, relatedness
    ):
        body.append(markup.section(shown.title, [shown.keep(folder)]))
    body.append(markup.section("How it was evaluated", [markup.settings(_evaluated(evaluation))]))
    if settings := flat(run):
        body.append(markup.section("Settings of the run", [markup.settings(settings)]))
    if command := command_of(run):
        body.append(markup.section("Run it again", [markup.element("pre", command)]))
    report = folder / "report.html"
    write_atomically(report, markup.document(title, body).encode())
    return report


def _result(evaluation: Evaluation) -> str:
    metric = evaluation.metric
    rows = [("this learner", evaluation.estimate), *evaluation.baselines.items()]
    cells = [
        [
            name,
            written(estimate, metric, tasks=False),
            f"{estimate.num_tasks:,}",
            f"{estimate.num_diverged:,}",
        ]
        for name, estimate in rows
    ]
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
