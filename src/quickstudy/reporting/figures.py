"""Chooses the figures of a report, and explains how to read each."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.figure import Figure

from quickstudy.cache import write_atomically
from quickstudy.learners import Learner
from quickstudy.relatedness import Relatedness
from quickstudy.reporting import markup
from quickstudy.reporting.curves import PREFIX, curve_over_steps, learning_curves
from quickstudy.reporting.episode_picture import episode_picture, has_pictures
from quickstudy.reporting.estimates import accuracy_by_group, baselines_chart
from quickstudy.reporting.fits import is_curve, sinusoid_fits
from quickstudy.reporting.pixel_picture import asks_for_masks, pixel_picture
from quickstudy.reporting.relatedness_map import relatedness_map
from quickstudy.reporting.style import png
from quickstudy.reporting.words import written
from quickstudy.targets import metric_of
from quickstudy.tasks import Episodes, Family, TaskSource
from quickstudy.training.evaluate import Estimate, Evaluation

BASELINES = {
    "nearest neighbour": "the class of the nearest support example, on raw inputs",
    "support mean": "the mean of the support targets, whatever the input",
    "untrained": "this learner before it was trained",
    "from scratch": "the same network, trained on each support set alone",
}

NOT_VALIDATED = "The loss on training tasks and the learning rate."
VALIDATED = (
    "The loss on training tasks, the metric on validation tasks, and the learning rate. "
    "Where the loss still falls and validation no longer improves, more steps do not "
    "help; the weights kept are those of the marked best validation."
)


@dataclass(frozen=True, eq=False)
class Shown:
    """A figure of a report.

    Attributes:
        name: Its file's name.
        title: Its heading.
        reading: One or two sentences on how to read it.
        alt: A description for readers who cannot see it.
        figure: The figure.
        wide: Whether it has too much detail for the width of a phone.
    """

    name: str
    title: str
    reading: str
    alt: str
    figure: Figure
    wide: bool = False

    def keep(self, folder: Path) -> str:
        """Write the figure into ``folder/figures``, and give it as markup with its explanation."""
        image = png(self.figure)
        write_atomically(folder / "figures" / f"{self.name}.png", image)
        return markup.picture(image, self.alt, self.reading, self.wide)

    def section(self, folder: Path) -> str:
        """Write the figure, and give the section of a page that shows it."""
        return markup.section(self.title, [self.keep(folder)])


@dataclass(frozen=True, eq=False)
class Extras:
    """Further facts about a run; each adds a figure if it is known.

    Attributes:
        metrics: The lines of its ``metrics.jsonl``.
        groups: The accuracy within each group of classes.
        group_way: Classes of a task within a group.
        relatedness: The relatedness of the training tasks.
    """

    metrics: Sequence[dict[str, float]] = ()
    groups: dict[str, Estimate] = field(default_factory=dict)
    group_way: int | None = None
    relatedness: Relatedness | None = None


def figures_for(
    learner: Learner, source: TaskSource, evaluation: Evaluation, extras: Extras, seed: int
) -> Iterator[Shown]:
    """Make the figures that apply, in the order of the page."""
    if evaluation.baselines:
        yield _baselines(evaluation)
    yield from _tasks_shown(learner, source, seed)
    if extras.groups:
        yield _groups(extras.groups, extras.group_way)
    if len(evaluation.per_step) > 1:
        yield _steps(evaluation)
    if any(name != "step" for line in extras.metrics for name in line):
        yield _training(extras.metrics)
    if extras.relatedness is not None:
        yield shown_relatedness(extras.relatedness)


def _tasks_shown(learner: Learner, source: TaskSource, seed: int) -> Iterator[Shown]:
    """Show some tasks of ``source`` with the learner's answers, if they can be drawn."""
    if isinstance(source, Episodes) and has_pictures(source.pool):
        yield _picture(learner, source, seed)
    if asks_for_masks(source):
        yield _masks(learner, source, seed)
    if isinstance(source, Family) and is_curve(source):
        yield _fits(learner, source, seed)


def shown_relatedness(found: Relatedness) -> Shown:
    """Make the map of the tasks' relatedness."""
    return Shown(
        "relatedness",
        "Which tasks are related",
        "Each row, and the column of the same place, is a task. Red pairs are alike, blue ones "
        "opposed, pale ones have nothing to do with each other; what the rows cannot tell has "
        "been taken out. The tree on the left joins the most alike tasks first, and its colours "
        "are the groups.",
        _alt_of(found),
        relatedness_map(found),
        wide=len(found.names) > 20,
    )


def _alt_of(found: Relatedness) -> str:
    groups = f"{found.num_groups} groups" if found.num_groups > 1 else "one group"
    return (
        f"The similarities of {len(found.names)} tasks in {groups}, beside the tree that joins "
        "them."
    )


def _baselines(evaluation: Evaluation) -> Shown:
    count = len(evaluation.baselines)
    return Shown(
        "baselines",
        "Beside the plain baselines",
        _reading_of(evaluation) + _explained(evaluation.baselines),
        f"The learner beside {count} baselines, with the numbers of the table above.",
        baselines_chart(evaluation),
    )


def _reading_of(evaluation: Evaluation) -> str:
    better = "Further right" if metric_of(evaluation.metric).higher_is_better else "Further left"
    return f"{better} is better; whiskers are 95 % intervals of the mean over tasks."


def _explained(baselines: Iterable[str]) -> str:
    """Explain in a sentence the predictions of the known ``baselines``; empty if none is known."""
    known = "; ".join(f"{name}: {BASELINES[name]}" for name in baselines if name in BASELINES)
    return f" {known[0].upper()}{known[1:]}." if known else ""


def _picture(learner: Learner, source: Episodes, seed: int) -> Shown:
    figure = episode_picture(learner, source, seed)
    return Shown(
        "episode",
        "One task, as the learner sees it",
        "Each row is a class: its number, its support images, then queries that belong to it. "
        "Under a query stand the class the learner took it for and the probability it gave that; "
        "a red frame marks a mistake, with the class it really is.",
        f"A task drawn at random, its support images and queries. {_title_of(figure)}.",
        figure,
        wide=True,
    )


def _title_of(figure: Figure) -> str:
    return next(text.get_text() for text in figure.axes[0].texts if text.get_gid() == "title")


def _masks(learner: Learner, source: TaskSource, seed: int) -> Shown:
    return Shown(
        "masks",
        "One task, as the learner sees it",
        "The learner is given the support images and their masks. Below each query stand its true "
        "mask, the mask that the learner predicts, and how much the two overlap (the mean "
        "intersection over union of the query's classes). Grey is class 0, which is mostly the "
        "background; white pixels have no label.",
        "A task drawn at random: support images with masks, and queries with true and predicted "
        "masks.",
        pixel_picture(learner, source, seed),
        wide=True,
    )


def _fits(learner: Learner, source: Family, seed: int) -> Shown:
    stages = ""
    if learner.test_steps:
        stages = "A good initialisation is close after one step and settles within a few."
    return Shown(
        "fits",
        "Six tasks and what the learner makes of them",
        "Grey is the curve a task asks for, dots are all the learner is given, coloured lines "
        f"are its predictions. {stages}",
        "Six regression tasks: true curves, support points and predictions.",
        sinusoid_fits(learner, source, seed),
    )


def _groups(groups: dict[str, Estimate], way: int | None) -> Shown:
    tasks = "tasks" if way is None else f"{way}-way tasks"
    return Shown(
        "groups",
        "Group by group",
        f"Accuracy on {tasks} whose classes all come from one group (one alphabet, one script), "
        "with 95 % intervals. Classes of one group resemble each other, so these tasks are "
        "harder than mixed ones.",
        f"Accuracy within each of {len(groups)} groups, from the easiest to the hardest.",
        accuracy_by_group(groups, None if way is None else 1 / way),
    )


def _steps(evaluation: Evaluation) -> Shown:
    return Shown(
        "steps",
        "Step by step",
        "How well the learner does after each number of inner steps, with the 95 % band of the "
        "mean. At 0 it has not looked at the support set; where the line is flat, further steps "
        "are wasted.",
        _progress(evaluation),
        curve_over_steps(evaluation),
    )


def _progress(evaluation: Evaluation) -> str:
    """Give the values after the first and the last number of inner steps, in words."""
    first, last = min(evaluation.per_step), max(evaluation.per_step)
    before, after = _reached(evaluation, first), _reached(evaluation, last)
    return f"From {before} after {first} inner steps to {after} after {last}."


def _reached(evaluation: Evaluation, step: int) -> str:
    return written(evaluation.per_step[step], evaluation.metric)


def _training(metrics: Sequence[dict[str, float]]) -> Shown:
    steps = int(max(line["step"] for line in metrics))
    return Shown(
        "training",
        "How it was trained",
        VALIDATED if _is_validated(metrics) else NOT_VALIDATED,
        f"Learning curves over {steps:,} outer steps.",
        learning_curves(metrics),
    )


def _is_validated(metrics: Sequence[dict[str, float]]) -> bool:
    return any(name.startswith(PREFIX) for line in metrics for name in line)
