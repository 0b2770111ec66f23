"""Draws one image task: its support images, its queries, and the mistakes of the learner."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from matplotlib.figure import Figure
from torch import Tensor

from quickstudy.episode import Batch
from quickstudy.errors import require
from quickstudy.learners import Learner
from quickstudy.reporting.asked import drawn_task, scores_of
from quickstudy.reporting.episode_layout import ROWS, Layout
from quickstudy.reporting.shades import can_be_shown
from quickstudy.tasks import Classes, Episodes

MOST_CLASSES, MOST_SHOTS = 40, 8


@dataclass(frozen=True, eq=False)
class Answer:
    """The answer of a learner to a query.

    Attributes:
        image: The query ``[channel, height, width]``.
        truth: Its class.
        predicted: The class that the learner predicts.
        probability: The probability of the predicted class.
    """

    image: Tensor
    truth: int
    predicted: int
    probability: float

    @property
    def wrong(self) -> bool:
        """Whether it is a mistake; an answer that is NaN counts as a mistake."""
        return self.predicted != self.truth or math.isnan(self.probability)

    @property
    def caption(self) -> str:
        """Predicted class and probability; below a mistake, the true class."""
        given = f"{self.predicted + 1} · {100 * self.probability:.0f} %"
        if math.isnan(self.probability):
            given = "no answer"
        return f"{given}\nis {self.truth + 1}" if self.wrong else given


def has_pictures(pool: Classes) -> bool:
    """Say whether the examples of ``pool`` are grey or colour images."""
    if pool.x.ndim == 3:
        return pool.x.dtype == torch.uint8
    return pool.x.ndim == 4 and can_be_shown(pool.x)


def episode_picture(learner: Learner, source: Episodes, seed: int = 0) -> Figure:
    """Draw a task: for every class a row with its support images and some of its queries.

    Below a query are the predicted class and its probability. A mistake has a red frame, and its
    true class below.

    Args:
        learner: The learner.
        source: Tasks of grey or colour images.
        seed: Chooses the task.

    Raises:
        UserError: If the examples are not images.
    """
    require(
        has_pictures(source.pool),
        "A picture of a task needs images [row, channel, height, width]. Found "
        f"{tuple(source.pool.x.shape)}.",
    )
    support, answers = ask(learner, source, seed)
    layout = Selection.of(support, answers).draw(support)
    layout.title(_result(answers))
    return layout.figure


def ask(learner: Learner, source: Episodes, seed: int) -> tuple[Batch, list[Answer]]:
    """Give the support set of the task of ``seed``, and the answers to all of its queries."""
    episode = drawn_task(source, seed)
    scores = scores_of(learner, episode)[0]
    return episode.support, _answers(episode.query, scores)


def _answers(query: Batch, scores: Tensor) -> list[Answer]:
    """Give the answers to the real queries of a task from their ``scores`` ``[query, way]``."""
    chosen, probability = scores.argmax(-1).tolist(), scores.softmax(-1).amax(-1).tolist()
    rows = zip(_examples(query), chosen, probability, strict=True)
    return [Answer(image, y, k, p) for (image, y, real), k, p in rows if real]


@dataclass(frozen=True, eq=False)
class Row:
    """The row of a class.

    Attributes:
        k: The class.
        images: The support images ``[channel, height, width]`` that are drawn.
        asked: The answers to all queries of the class.
        drawn: The answers that are drawn.
    """

    k: int
    images: list[Tensor]
    asked: list[Answer]
    drawn: list[Answer]

    def draw(self, layout: Layout, place: int) -> None:
        """Draw the row in its place."""
        layout.head(place, self.k)
        layout.support(place, self.k, self.images)
        for column, answer in enumerate(self.drawn):
            layout.query(place, column, answer.image, answer.caption, answer.wrong)


@dataclass(frozen=True, eq=False)
class Selection:
    """The classes and queries that are drawn.

    Attributes:
        rows: The rows of the classes that are drawn.
        num_classes: The number of classes of the task's queries.
        limit: The most queries of a class that are drawn.
    """

    rows: list[Row]
    num_classes: int
    limit: int

    @classmethod
    def of(cls, support: Batch, answers: Sequence[Answer]) -> "Selection":
        """Choose the first classes, and some queries of each."""
        classes = sorted({answer.truth for answer in answers})
        drawn = classes[:MOST_CLASSES]
        limit = 6 if len(drawn) <= ROWS else 4
        return cls([_row(k, support, answers, limit) for k in drawn], len(classes), limit)

    @property
    def most_images(self) -> int:
        """The most support images of a row."""
        return max(len(row.images) for row in self.rows)

    @property
    def most_queries(self) -> int:
        """The most queries of a row."""
        return max(len(row.drawn) for row in self.rows)

    def draw(self, support: Batch) -> Layout:
        """Draw the rows, and note the omissions."""
        layout = Layout(self.most_images, self.most_queries, len(self.rows), support.x[0])
        for place, row in enumerate(self.rows):
            row.draw(layout, place)
        if notes := list(self.notes()):
            layout.note("shown: " + ", ".join(notes))
        return layout

    def notes(self) -> Iterator[str]:
        """Name the omissions."""
        if len(self.rows) < self.num_classes:
            yield f"{len(self.rows)} of {self.num_classes} classes"
        if any(len(row.asked) > self.limit for row in self.rows):
            yield f"{self.limit} queries of each class, a mistake among them if there is one"


def _row(k: int, support: Batch, answers: Sequence[Answer], limit: int) -> Row:
    asked = [answer for answer in answers if answer.truth == k]
    return Row(k, _images_of(support, k), asked, _pick(asked, limit))


def _result(answers: Sequence[Answer]) -> str:
    wrong, asked = sum(answer.wrong for answer in answers), len(answers)
    return f"Accuracy {100 * (1 - wrong / asked):.1f} %: {wrong} of {asked} queries mistaken"


def _examples(batch: Batch) -> list[tuple[Tensor, int, bool]]:
    """List the examples of the first task: input, class, and whether it is real."""
    real = (batch.mask[0] > 0).tolist()
    return list(zip(batch.x[0], batch.y[0].tolist(), real, strict=True))


def _images_of(support: Batch, k: int) -> list[Tensor]:
    """List the first support images of class ``k``."""
    return [image for image, y, real in _examples(support) if real and y == k][:MOST_SHOTS]


def _pick(answers: list[Answer], most: int) -> list[Answer]:
    """Take the first ``most``; if they hold no mistake, a later mistake replaces the last."""
    first = answers[:most]
    if any(answer.wrong for answer in first):
        return first
    mistakes = [answer for answer in answers[most:] if answer.wrong]
    return [*first[:-1], mistakes[0]] if mistakes else first
