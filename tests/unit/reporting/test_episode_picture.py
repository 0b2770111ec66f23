"""The picture of a task shows its support images, its queries and its mistakes."""

from dataclasses import replace

import pytest
import torch

import quickstudy as qs
from quickstudy import reporting
from quickstudy.errors import UserError
from quickstudy.reporting.episode_picture import Answer, ask, has_pictures
from quickstudy.training.baselines import NearestNeighbour
from tests.unit.reporting.small import NAN, drawn, marked, pool


@pytest.mark.parametrize(
    ("way", "shot", "query"), [(5, 1, 15), (12, 5, 3), (2, 1, 1), ((3, 6), (1, 3), 2)]
)
def test_the_picture_marks_the_mistakes(
    way: int | tuple[int, int], shot: int | tuple[int, int], query: int
) -> None:
    source = pool().episodes(way, shot, query)
    figure = drawn(reporting.episode_picture(NearestNeighbour(), source, seed=3))
    support, answers = ask(NearestNeighbour(), source, 3)
    wrong = sum(answer.wrong for answer in answers)
    title = marked(figure, "title")[0].get_text()  # type: ignore[attr-defined]
    assert f"{wrong} of {len(answers)} queries mistaken" in title
    assert len(marked(figure, "support")) == int(support.mask.sum())
    captions = [text.get_text() for text in figure.axes[0].texts if "\nis " in text.get_text()]
    assert len(captions) == len(marked(figure, "mistake"))
    if query <= 4:  # all are shown
        assert len(marked(figure, "mistake")) == wrong
        assert len(marked(figure, "right")) == len(answers) - wrong
        assert sorted(captions) == sorted(answer.caption for answer in answers if answer.wrong)


def test_a_mistake_among_the_queries_left_out_is_shown() -> None:
    figure = reporting.episode_picture(
        NearestNeighbour(), pool(noise=0.35).episodes(5, 1, 15), seed=1
    )
    _, answers = ask(NearestNeighbour(), pool(noise=0.35).episodes(5, 1, 15), 1)
    mistaken = {answer.truth for answer in answers if answer.wrong}
    captions = [text.get_text() for text in figure.axes[0].texts if "\nis " in text.get_text()]
    assert mistaken and {int(caption.split("is ")[1]) - 1 for caption in captions} == mistaken
    assert len(marked(figure, "mistake") + marked(figure, "right")) == 30


def test_the_answers_are_the_predictions() -> None:
    source = pool().episodes(5, 1, 4)
    episode = source.sample(1, qs.Moment(0, "picture"))
    scores = NearestNeighbour().predict(NearestNeighbour().adapt(episode.support), episode.query.x)[
        0
    ]
    answers = ask(NearestNeighbour(), source, 0)[1]
    assert [answer.predicted for answer in answers] == scores.argmax(-1).tolist()
    assert [answer.truth for answer in answers] == episode.query.y[0].tolist()
    assert [answer.probability for answer in answers] == pytest.approx(
        scores.softmax(-1).amax(-1).tolist()
    )


def test_an_answer_that_is_not_a_number_is_a_mistake() -> None:
    answer = Answer(torch.zeros(1, 2, 2), truth=0, predicted=0, probability=NAN)
    assert answer.wrong and answer.caption == "no answer\nis 1"


def test_many_classes_and_colour() -> None:
    many = pool(num_classes=50, examples=3, channels=3)
    figure = drawn(reporting.episode_picture(NearestNeighbour(), many.episodes(50, 1, 2)))
    assert len(marked(figure, "support")) == 40
    assert any("40 of 50 classes" in text.get_text() for text in figure.axes[0].texts)


def test_a_picture_needs_images() -> None:
    flat = replace(pool(), x=pool().x.flatten(1))
    assert not has_pictures(flat) and has_pictures(pool())
    with pytest.raises(UserError, match="needs images"):
        reporting.episode_picture(NearestNeighbour(), flat.episodes(2, 1, 1))
