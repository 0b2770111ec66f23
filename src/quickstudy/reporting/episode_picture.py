"""One image task as a picture: what the learner saw, what it was asked, and where it was wrong."""

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
    """What the learner made of a query.

    Attributes:
        image: The query ``[channel, height, width]``.
        truth: Its class.
        predicted: The class the learner took it for.
        probability: And how sure it was of that.
    """

    image: Tensor
    truth: int
    predicted: int
    probability: float

    @property
    def wrong(self) -> bool:
        """Whether it is a mistake; an answer that is not a number is one."""
        return self.predicted != self.truth or math.isnan(self.probability)

    @property
    def caption(self) -> str:
        """Predicted class and probability, and of a mistake the true class in a second line."""
        given = (
            "no answer"
            if math.isnan(self.probability)
            else f"{self.predicted + 1} · {100 * self.probability:.0f} %"
        )
        return f"{given}\nis {self.truth + 1}" if self.wrong else given


def has_pictures(pool: Classes) -> bool:
    """Whether the examples of ``pool`` are grey or colour images."""
    x = pool.x
    return (x.ndim == 3 and x.dtype == torch.uint8) or (x.ndim == 4 and x.shape[1] in (1, 3))


def episode_picture(learner: Learner, source: Episodes, seed: int = 0) -> Figure:
    """A task of ``source``: a row for every class with its support images and some of its queries.

    Under a query stand the class the learner took it for and how sure it was; a mistake has a red
    frame and says what it is.

    Args:
        learner: The learner.
        source: Tasks of grey or colour images.
        seed: Which task is drawn.

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
    images = [
        [image for image, y, real in _examples(support) if real and y == k][:MOST_SHOTS]
        for k in drawn
    ]
    most = 6 if len(drawn) <= ROWS else 4
    asked = [[answer for answer in answers if answer.truth == k] for k in drawn]
    shown = [_pick(queries, most) for queries in asked]
    layout = Layout(max(map(len, images)), max(map(len, shown)), len(drawn), support.x[0])
    for place, (k, seen, queries) in enumerate(zip(drawn, images, shown, strict=True)):
        layout.head(place, k)
        layout.support(place, k, seen)
        for column, answer in enumerate(queries):
            layout.query(place, column, answer.image, answer.caption, answer.wrong)
    wrong = sum(answer.wrong for answer in answers)
    layout.title(
        f"Accuracy {100 * (1 - wrong / len(answers)):.1f} %: {wrong} of {len(answers)} "
        "queries mistaken"
    )
    parts = [f"{len(drawn)} of {len(classes)} classes"] if drawn != classes else []
    if any(len(queries) > most for queries in asked):
        parts.append(f"{most} queries of each class, a mistake among them if there is one")
    if parts:
        layout.note("shown: " + ", ".join(parts))
    return layout.figure


def ask(learner: Learner, source: Episodes, seed: int) -> tuple[Batch, list[Answer]]:
    """The support set of the task drawn with ``seed``, and the answers to all of its queries."""
    episode = source.sample(1, Moment(seed, "picture"))
    device = next((parameter.device for parameter in learner.parameters()), torch.device("cpu"))
    scores = (
        learner.predict(learner.adapt(episode.support.to(device)), episode.query.x.to(device))[0]
        .float()
        .cpu()
    )
    chosen, probability = scores.argmax(-1).tolist(), scores.softmax(-1).amax(-1).tolist()
    rows = zip(_examples(episode.query), chosen, probability, strict=True)
    return episode.support, [Answer(image, y, k, p) for (image, y, real), k, p in rows if real]


def _examples(batch: Batch) -> list[tuple[Tensor, int, bool]]:
    return list(zip(batch.x[0], batch.y[0].tolist(), (batch.mask[0] > 0).tolist(), strict=True))


def _pick(answers: list[Answer], most: int) -> list[Answer]:
    """The first ``most``; where none of them is a mistake, the last makes room for the first mistake after them."""
    first, later = answers[:most], [answer for answer in answers[most:] if answer.wrong]
    return [*first[:-1], later[0]] if later and not any(answer.wrong for answer in first) else first
