"""A task is predicted from its own rows."""

import torch

import quickstudy as qs
from quickstudy.ladder.rungs import (
    SingleTask,
)


def test_a_single_task_without_rows_is_predicted_by_the_mean_of_the_others():
    rung = SingleTask("ridge")
    support = qs.Batch(
        torch.zeros(2, 2, 1),
        torch.tensor([[[1.0], [2.0]], [[0.0], [0.0]]]),
        torch.tensor([[1.0, 1.0], [0.0, 0.0]]),
    )
    episode = qs.Episode(
        support,
        qs.Batch(torch.zeros(2, 3, 1), torch.zeros(2, 3, 1), torch.ones(2, 3)),
        torch.arange(2),
    )
    assert rung.predict(episode, False)[..., 0].tolist() == [[1.5] * 3, [0.0] * 3]
