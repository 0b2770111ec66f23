"""The command ``quickstudy adapt``."""

from collections.abc import Sequence
from pathlib import Path

import torch

from quickstudy.cli.adapting import AdaptOptions, NewTask
from quickstudy.cli.console import say
from quickstudy.cli.machine import device, use_threads
from quickstudy.cli.new_files import folder_of_images, lines_of_table
from quickstudy.cli.new_rows import rows_of_new_classes, rows_of_new_task
from quickstudy.cli.options import parse
from quickstudy.episode import Batch
from quickstudy.errors import require
from quickstudy.learners import Adapted, Learner
from quickstudy.models.functional import evaluating
from quickstudy.training import Trained, save_adapted
from quickstudy.training.collect import device_of

ANY_WAY = (
    "Train with --way {}, or a learner of any way (protonet, r2d2, finetune, or --shared-head)."
)
PURPOSE = "Master a new task from a folder of images or a CSV file."


def main(arguments: Sequence[str]) -> int:
    """Adapt a run's learner to a new task and save both."""
    asked = parse(AdaptOptions, arguments, "adapt", PURPOSE)
    use_threads(asked.threads)
    where = device(asked.device)
    run = Trained.near(asked.run, classes=asked.classes)
    learner = run.learner.to(where)
    _check(asked, learner)
    new = _read(run, asked)
    if not _has_known_classes(new, run):
        _check_outputs(learner, new.support)
    adapted = _adapted(learner, new.support.to(where), asked.steps)
    save_adapted(asked.out, learner, adapted, new.task.to_dict())
    _tell(new.notes, asked.out)
    return 0


def _tell(notes: Sequence[str], out: Path) -> None:
    """Say how the examples were read, and suggest the next command."""
    for note in notes:
        say(note)
    say(f"Mastered in {out}. Next:\n  quickstudy predict {out} FILES")


def _check(asked: AdaptOptions, learner: Learner) -> None:
    """Check the options and paths.

    Raises:
        UserError: If an option does not apply, or a file or folder is missing or in the way.
    """
    require(
        asked.steps is None or learner.test_steps > 0,
        "Option --steps is for learners with inner steps. This one has none.",
    )
    require(
        asked.support.exists(),
        "The examples of the new task should be a folder or a CSV file. There is no "
        f"{asked.support}.",
    )
    require(not asked.out.is_dir(), f"Option --out should name a file. {asked.out} is a folder.")


def _read(run: Trained, asked: AdaptOptions) -> NewTask:
    """Read the new task's examples in the way of training."""
    rows, form = run.rows(), run.table_form()
    if form is not None:
        return rows_of_new_task(asked, form)
    if rows is not None:
        return rows_of_new_classes(asked, rows)
    read = folder_of_images if asked.support.is_dir() else lines_of_table
    return read(run, asked)


def _has_known_classes(new: NewTask, run: Trained) -> bool:
    """Say whether the new task has the classes of the table that the run learned from."""
    known, form = run.table_form(), new.task.table
    return known is not None and form is not None and form.classes == known.classes


def _adapted(learner: Learner, support: Batch, steps: int | None) -> Adapted:
    """Adapt the learner.

    Raises:
        UserError: If the result is not finite.
    """
    adapted = learner.adapt(support, steps)
    finite = all(bool(value.isfinite().all()) for value in adapted.values())
    require(
        finite,
        "Adapting diverged: the result is not finite. Take fewer steps with --steps, or look "
        "for wrong numbers in the examples.",
    )
    return adapted


def _check_outputs(learner: Learner, support: Batch) -> None:
    """Check that the learner serves the task.

    Raises:
        UserError: If it does not, or its network has other outputs.
    """
    target, name = support.target, type(learner).__name__
    advice = f" {ANY_WAY.format(target.way)}" if target.way and not learner.any_way else ""
    reason = learner.serves(target)
    require(reason is None, f"{name} cannot serve {target}. {reason}{advice}")
    if learner.any_way and target.way:
        return
    outputs, wanted = _num_outputs(learner, support), target.scores
    require(
        wanted == outputs or (bool(target.way) and wanted <= outputs),
        f"This {name} has {outputs} learned outputs. Found a task of {wanted}.{advice}",
    )


def _num_outputs(learner: Learner, support: Batch) -> int:
    """Count the outputs of the network before the first step."""
    with evaluating(learner), torch.no_grad():
        x = support.x[:, :1].to(device_of(learner))
        adapted = learner.adapt(support[:1].to(x.device), 0)
        return learner.scores(adapted, x).shape[2]
