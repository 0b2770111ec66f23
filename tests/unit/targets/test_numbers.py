"""Numbers of one shape: losses, values and errors against closed forms."""

import pytest
import torch

import quickstudy as qs
from quickstudy.targets import Numbers


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 2)])
def test_the_loss_is_the_mean_squared_error(shape):
    draw = qs.generator(0, "numbers")
    scores, y = torch.randn(2, 2, 5, *shape, generator=draw)
    target = Numbers(shape)
    squares = (scores - y).square().reshape(2, 5, -1).mean(2)
    torch.testing.assert_close(target.losses(scores, y), squares.mean(1))
    torch.testing.assert_close(target.losses(scores, y, torch.ones(2, 5)), squares.mean(1))
    torch.testing.assert_close(target.example_losses(scores, y), squares)
    half = torch.tensor([[1.0, 1, 0, 0, 0]] * 2)
    torch.testing.assert_close(target.losses(scores, y, half), squares[:, :2].mean(1))
    torch.testing.assert_close(
        target.values(scores, y, half)["mean_squared_error"], squares[:, :2].mean(1)
    )


def test_the_guess_is_the_mean_of_real_labels():
    y, mask = torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([[1.0, 1, 0]])
    assert torch.equal(Numbers().guess(y, mask), torch.tensor([[2.0]]))
    assert torch.equal(Numbers().guess(y, mask * 0), torch.zeros(1, 1))


def test_scores_are_counted():
    assert [Numbers(shape).scores for shape in ((), (4,), (2, 3))] == [1, 4, 6]
    assert Numbers([2]) == Numbers((2,)) and Numbers().way is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Numbers((0,)), "sizes from 1 on"),
        (lambda: Numbers().losses(torch.zeros(1, 2, 2), torch.zeros(1, 2, 1)), "shape of the tar"),
        (lambda: Numbers().check(torch.zeros(1, 2, 1).long()), "floating-point"),
        (lambda: Numbers((2,)).check(torch.zeros(1, 2, 1)), "floating-point"),
    ],
)
def test_mistakes(wrong, message):
    with pytest.raises(qs.UserError, match=message):
        wrong()
