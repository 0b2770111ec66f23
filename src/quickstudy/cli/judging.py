"""The options of evaluate, compare and report, and the tasks that they ask for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from quickstudy.cli.machine import device, use_threads
from quickstudy.cli.task_files import image_form
from quickstudy.errors import UserError, require
from quickstudy.learners import GradientLearner, Learner
from quickstudy.tasks import Images, TaskSource, source_class
from quickstudy.training import Evaluation, Trained

Statistics = Literal["support", "transductive"]


@dataclass(frozen=True)
class Judging:
    """The shape of a task; options that are not given are as in training."""

    data: str | None = None
    """Other data than in training: a name, a folder, a file, or package.module:Class. All of it
    is used, and read like the data of training."""
    split: Literal["train", "validation", "test", "all"] | None = None
    """Part of the data; by default the test split, and all of other data."""
    way: int | None = None
    """Classes of a task."""
    shot: int | None = None
    """Support examples (of a class)."""
    query: int | None = None
    """Query examples (of a class); by default as many as there are, 15 at most (100 of
    functions)."""
    within_group: bool = False
    """Draw each task's classes from one alphabet or script."""
    root: Path | None = None
    """Folder of Omniglot, if it has moved since training."""
    num_tasks: int = 1000
    """Tasks to evaluate on."""
    seed: int = 0
    """Seed of the tasks: the same seed gives the same tasks to every learner."""
    steps: int | None = None
    """Inner steps; by default the learner's number."""
    statistics: Statistics | None = None
    """Batch statistics of a gradient learner, other than in training."""
    classes: tuple[str, ...] = ()
    """Your classes that the run uses, as package.module:Class."""
    device: str = "cpu"
    """The device: cpu, cuda, cuda:1, mps."""
    threads: int | None = None
    """CPU threads."""
    json: bool = False
    """Print one JSON object on standard output."""


def opened_run(folder: Path, asked: Judging) -> Trained:
    """Read a run, and put its learner on the device.

    Raises:
        UserError: If it cannot be read, or an option does not apply to its learner.
    """
    use_threads(asked.threads)
    run = Trained.read(folder, classes=asked.classes)
    run.learner.to(device(asked.device))
    require(
        asked.steps is None or run.learner.test_steps > 0,
        f"Option --steps is for learners with inner steps. {type(run.learner).__name__} has none.",
    )
    if asked.statistics is not None:
        _use_statistics(run.learner, asked.statistics)
    return run


def tasks_of(run: Trained, asked: Judging) -> TaskSource:
    """Make the tasks that were asked for.

    Raises:
        UserError: If the data has no such tasks, or an option does not apply.
    """
    options = {name: getattr(asked, name) for name in ("way", "shot", "query")}
    if asked.within_group:
        options["within_group"] = True
    changed: dict[str, Any] = {} if asked.root is None else {"root": str(asked.root)}
    if asked.data is not None:
        changed |= _form(run, asked.data)
    return run.tasks(asked.data, asked.split, changed, **options)


def evaluate_run(run: Trained, source: TaskSource, asked: Judging, baselines: Any) -> Evaluation:
    """Evaluate ``run`` on the tasks asked for, with a progress bar."""
    from quickstudy.training import evaluate

    return evaluate(
        run.learner, source, asked.num_tasks, asked.seed, asked.steps, baselines, progress=True
    )


def _form(run: Trained, data: str) -> dict[str, Any]:
    """The form of images that the model takes, for a folder if training used no folder."""
    kind, _ = source_class(data)
    if kind is not Images or run.learned_from(Images):
        return {}
    return image_form(run.learner, run.source_name, None).to_dict()


def _use_statistics(learner: Learner, statistics: Statistics) -> None:
    if not isinstance(learner, GradientLearner) or learner.statistics == "frozen":
        raise UserError(
            "Option --statistics is for gradient learners whose batch norms are not frozen."
        )
    learner.statistics = statistics
    learner.transductive = statistics == "transductive"


__all__ = ["Judging", "evaluate_run", "opened_run", "tasks_of"]
