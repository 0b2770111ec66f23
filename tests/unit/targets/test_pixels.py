"""A class for every pixel: losses and intersections against counting by hand."""

import pytest
import torch
import torch.nn.functional as F

import quickstudy as qs
from quickstudy.targets import Pixels


def drawn(tasks: int = 2, examples: int = 3, classes: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    draw = qs.generator(0, "pixels")
    y = torch.randint(classes, (tasks, examples, 4, 5), generator=draw)
    return torch.randn(tasks, examples, classes, 4, 5, generator=draw), y


def test_the_loss_is_the_mean_cross_entropy_of_marked_pixels():
    scores, y = drawn()
    y[0, 0, :2] = 255
    losses = Pixels(3).example_losses(scores, y)
    for task in range(2):
        for example in range(3):
            pixels = scores[task, example].flatten(1).T
            labels = y[task, example].flatten()
            real = labels != 255
            expected = F.cross_entropy(pixels[real], labels[real])
            torch.testing.assert_close(losses[task, example], expected)


def test_the_mean_iou_is_counted_over_a_tasks_real_examples():
    scores, y = drawn()
    y[1, 1, 0] = 255
    mask = torch.tensor([[1.0, 1, 0], [1, 1, 1]])
    found = Pixels(3).values(scores, y, mask)
    for task in range(2):
        real = [(scores[task, i].argmax(0), y[task, i]) for i in range(3) if mask[task, i]]
        told, true = (torch.stack(part) for part in zip(*real, strict=True))
        told, true = told[true != 255], true[true != 255]
        ious = [
            ((told == c) & (true == c)).sum() / ((told == c) | (true == c)).sum() for c in range(3)
        ]
        torch.testing.assert_close(found["mean_iou"][task], torch.stack(ious).mean())
        accuracy = (told == true).float().mean()
        torch.testing.assert_close(found["pixel_accuracy"][task], accuracy)


def test_a_class_that_nobody_speaks_of_does_not_count():
    y = torch.zeros(1, 1, 2, 2).long()
    scores = F.one_hot(y, 3).movedim(-1, -3).float()
    assert Pixels(3).values(scores, y)["mean_iou"] == 1


def test_a_task_of_nan_is_nan():
    scores, y = drawn()
    scores[1, 0, 0, 0, 0] = torch.nan
    values = Pixels(3).values(scores, y)["mean_iou"]
    assert values[0].isfinite() and values[1].isnan()


def test_the_guess_has_scores_for_every_pixel():
    y = torch.tensor([[[[0, 0], [0, 1]]]])
    guess = Pixels(2).guess(y, torch.ones(1, 1))
    assert guess.shape == (1, 2, 2, 2)
    torch.testing.assert_close(guess[0, :, 0, 0].exp(), torch.tensor([4 / 6, 2 / 6]))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Pixels(1), "at least 2"),
        (lambda: Pixels(3, ignored=2), "should not be one of the 3 classes"),
        (lambda: Pixels(2).check(torch.zeros(1, 1).long()), "height, width"),
        (
            lambda: Pixels(2).losses(torch.zeros(1, 1, 2, 3, 3), torch.zeros(1, 1, 4, 4).long()),
            "at the size of the labels",
        ),
    ],
)
def test_mistakes(wrong, message):
    with pytest.raises(qs.UserError, match=message):
        wrong()
