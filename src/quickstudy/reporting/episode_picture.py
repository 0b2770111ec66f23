"""Draws one image task: its support images, its queries, and the mistakes of the learner."""

import math
from dataclasses import dataclass

import torch
from matplotlib.figure import Figure
from torch import Tensor

from quickstudy.episode import Batch
from quickstudy.errors import require
from quickstudy.learners import Learner
from quickstudy.random import Moment
from quickstudy.reporting.episode_layout import ROWS, Layout
from quickstudy.tasks import Classes, Episodes

MOST_CLASSES, MOST_SHOTS = 40, 8


@dataclass(frozen=True, eq=False)
class Answer:
    """The answer of a learner to a query.

    Attributes:
        image: The query ``[channel, height, width]``.
        truth: Its class.
        predicted: The class the learner took it for.
        probability: The probability that it gave that class.
    """

    image: Tensor
    truth: int
    predicted: int
    probability: float

    @property
    def wrong(self) -> bool:
        """Whether it is a mistake, as an answer that is not a number is."""
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
    x = pool.x
    return (x.ndim == 3 and x.dtype == torch.uint8) or (x.ndim == 4 and x.shape[1] in (1, 3))


def episode_picture(learner: Learner, source: Episodes, seed: int = 0) -> Figure:
    """Draw a task: for every class a row with its support images and some of its queries.

    Below a query stand the predicted class and its probability. A mistake has a red frame, and its
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
    classes = sorted({answer.truth for answer in answers})
    drawn = classes[:MOST_CLASSES]
    images = [_images_of(support, k) for k in drawn]
    most = 6 if len(drawn) <= ROWS else 4
    asked = [[answer for answer in answers if answer.truth == k] for k in drawn]
    shown = [_pick(queries, most) for queries in asked]
    layout = Layout(max(map(len, images)), max(map(len, shown)), len(drawn), support.x[0])
    for place, (k, seen, queries) in enumerate(zip(drawn, images, shown, strict=True)):
        _draw_row(layout, place, k, seen, queries)
    layout.title(_result(answers))
    parts = [f"{len(drawn)} of {len(classes)} classes"] if drawn != classes else []
    if any(len(queries) > most for queries in asked):
        parts.append(f"{most} queries of each class, a mistake among them if there is one")
    if parts:
        layout.note("shown: " + ", ".join(parts))
    return layout.figure


def ask(learner: Learner, source: Episodes, seed: int) -> tuple[Batch, list[Answer]]:
    """Give the support set of the task of ``seed``, and the answers to all of its queries."""
    episode = source.sample(1, Moment(seed, "picture"))
    device = next((parameter.device for parameter in learner.parameters()), torch.device("cpu"))
    adapted = learner.adapt(episode.support.to(device))
    scores = learner.predict(adapted, episode.query.x.to(device))[0].float().cpu()
    chosen, probability = scores.argmax(-1).tolist(), scores.softmax(-1).amax(-1).tolist()
    rows = zip(_examples(episode.query), chosen, probability, strict=True)
    return episode.support, [Answer(image, y, k, p) for (image, y, real), k, p in rows if real]


def _draw_row(
    layout: Layout, place: int, k: int, images: list[Tensor], queries: list[Answer]
) -> None:
    layout.head(place, k)
    layout.support(place, k, images)
    for column, answer in enumerate(queries):
        layout.query(place, column, answer.image, answer.caption, answer.wrong)


def _result(answers: list[Answer]) -> str:
    wrong, asked = sum(answer.wrong for answer in answers), len(answers)
    return f"Accuracy {100 * (1 - wrong / asked):.1f} %: {wrong} of {asked} queries mistaken"


def _examples(batch: Batch) -> list[tuple[Tensor, int, bool]]:
    return list(zip(batch.x[0], batch.y[0].tolist(), (batch.mask[0] > 0).tolist(), strict=True))


def _images_of(support: Batch, k: int) -> list[Tensor]:
    """List the first support images of class ``k``."""
    return [image for image, y, real in _examples(support) if real and y == k][:MOST_SHOTS]


def _pick(answers: list[Answer], most: int) -> list[Answer]:
    """Take the first ``most``; if none is a mistake, a later mistake replaces the last of them."""
    first, later = answers[:most], [answer for answer in answers[most:] if answer.wrong]
    return [*first[:-1], later[0]] if later and not any(answer.wrong for answer in first) else first
