"""A trained run, read back for evaluate, compare and report."""

import json
from pathlib import Path

from quickstudy.cli.options import Tasks
from quickstudy.cli.sources import Settings, device, evaluation_tasks, use_threads
from quickstudy.errors import UserError, require
from quickstudy.learners import GradientLearner, Learner
from quickstudy.tasks import TaskSource
from quickstudy.training import Evaluation, evaluate, load

NEEDED = ("learner", "data", "shot")
"""What is read of a run's settings."""


def settings_of(run: Path) -> Settings:
    """The options a run was trained with.

    Raises:
        UserError: If ``run`` is no run's folder, or was not trained by the command line.
    """
    require(
        run.is_dir(),
        f"{run} should be a run's folder. Found {'a file' if run.exists() else 'no such folder'}.",
    )
    try:
        details = json.loads((run / "run.json").read_text())
    except FileNotFoundError:
        raise UserError(
            f"{run} should be a run's folder with a run.json. Found none: train with --out "
            f"{run} first."
        ) from None
    except ValueError as error:
        raise UserError(f"{run / 'run.json'} should hold JSON. It is damaged: {error}.") from None
    require(
        isinstance(details, dict),
        f"{run / 'run.json'} should hold a JSON object. Found a {type(details).__name__}.",
    )
    require(
        "settings" in details,
        f"{run} was not trained by the command line: evaluate it with "
        f"qs.evaluate(qs.load({str(run)!r}), ...).",
    )
    found: Settings = details["settings"]
    missing = [name for name in NEEDED if name not in found]
    require(
        not missing,
        f"{run / 'run.json'} should hold the settings of training. It lacks {', '.join(missing)}.",
    )
    return found


def prepare(run: Path, asked: Tasks) -> tuple[Learner, TaskSource]:
    """The learner of ``run`` on its device, and the tasks asked for."""
    use_threads(asked.threads)
    settings = settings_of(run)
    learner = load(run, classes=asked.classes).to(device(asked.device))
    if asked.statistics is not None:
        fits = isinstance(learner, GradientLearner) and learner.statistics != "frozen"
        require(
            fits, "Option --statistics is for gradient learners whose batch norms are not frozen."
        )
        assert isinstance(learner, GradientLearner)
        learner.statistics = asked.statistics
        learner.transductive = asked.statistics == "transductive"
    return learner, evaluation_tasks(settings, asked)


def evaluate_run(run: Path, asked: Tasks, baselines: bool) -> Evaluation:
    """Evaluate ``run`` on the tasks asked for."""
    learner, source = prepare(run, asked)
    return evaluate(learner, source, asked.num_tasks, asked.seed, asked.steps, baselines)
