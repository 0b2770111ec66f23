"""The picture of masks shows the images, the true masks and the predicted ones."""

import pytest
import torch
from matplotlib.colors import to_rgb

import quickstudy as qs
from quickstudy.errors import UserError
from quickstudy.reporting import pixel_picture
from quickstudy.reporting.asked import drawn_task
from quickstudy.reporting.episode_layout import COLOURS
from quickstudy.reporting.pixel_picture import (
    MOST_EXAMPLES,
    Masked,
    asks_for_masks,
    coloured,
    masks,
)
from quickstudy.reporting.style import FAINT
from quickstudy.training.baselines import Guess
from tests.unit.reporting.small import NAN, drawn, marked, pool


class Halves(qs.tasks.TaskSource):
    """Images that are bright in one half, which is class 1; the last query is padding."""

    def __init__(self, shot: int = 2, query: int = 4, channels: int = 1) -> None:
        self.shot, self.query, self.channels = shot, query, channels
        self.target = qs.targets.Pixels(2)

    def describe(self) -> dict[str, object]:
        return {"source": "halves", "shot": self.shot}

    def sample(self, num_tasks: int, moment: qs.Moment) -> qs.Episode:
        sides = torch.rand(num_tasks, self.shot + self.query, generator=moment.generator()) > 0.5
        y = torch.zeros(*sides.shape, 4, 6, dtype=torch.long)
        y[..., :3] = 1
        y = y.where(sides[..., None, None], y.flip(-1))
        x = y.unsqueeze(2).float().expand(-1, -1, self.channels, -1, -1)
        mask = torch.ones(sides.shape)
        mask[:, -1] = 0
        whole = qs.Batch(x, y, mask, self.target)
        support = whole.each(lambda values: values[:, : self.shot])
        query = whole.each(lambda values: values[:, self.shot :])
        return qs.Episode(support, query, torch.arange(num_tasks), moment)


def test_every_row_shows_its_masks():
    source = Halves()
    figure = drawn(pixel_picture(Guess(), source, seed=1))
    episode = drawn_task(source, 1)
    (first, second) = marked(figure, "support mask")
    for image, y in zip((first, second), episode.support.y[0], strict=True):
        assert torch.equal(torch.as_tensor(image.get_array()), coloured(y, 2))
    truth = [torch.as_tensor(image.get_array()) for image in marked(figure, "true mask")]
    assert len(truth) == 3 and len(marked(figure, "predicted mask")) == 3
    assert all(map(torch.equal, truth, [coloured(y, 2) for y in episode.query.y[0, :3]]))


def test_masks_are_the_predictions_of_the_real_queries():
    episode = drawn_task(Halves(), 0)
    found = masks(Guess(), episode)
    # half of the support pixels are of each class, and the first of equal scores is taken
    assert len(found) == 3 and not any(each.predicted.any() for each in found)
    # class 0 covers all pixels and half of them are right; class 1 is never predicted
    assert [each.mean_iou for each in found] == pytest.approx([0.25] * 3)
    assert found[0].caption == "IoU 25 %"


def test_only_the_first_examples_of_a_large_task_are_drawn():
    figure = pixel_picture(Guess(), Halves(shot=9, query=3, channels=3))
    assert len(marked(figure, "support")) == MOST_EXAMPLES
    assert len(marked(figure, "query")) == 2


def test_a_query_without_an_answer_says_so():
    empty = torch.zeros(2, 2)
    assert Masked(empty[None], empty, empty, NAN).caption == "no answer"


def test_unmarked_pixels_are_white_and_the_background_is_grey():
    colours = coloured(torch.tensor([[0, 1], [2, 255]]), 3)
    expected = [to_rgb(colour) for colour in (FAINT, COLOURS[0], COLOURS[1], "white")]
    assert torch.allclose(colours.flatten(0, 1), torch.tensor(expected))


def test_other_tasks_have_no_masks():
    assert asks_for_masks(Halves()) and asks_for_masks(Halves(channels=3))
    assert not asks_for_masks(Halves(channels=2))
    classes = pool().episodes(2, 1, 1)
    assert not asks_for_masks(classes)
    with pytest.raises(UserError, match="target Pixels"):
        pixel_picture(Guess(), classes)
