"""Tasks that were held out choose the features of the learned prior."""

import torch

import quickstudy as qs
from quickstudy.ladder.rungs import (
    GeneratedTask,
    LearnedPrior,
)
from tests.unit.ladder.small import table


def test_held_out_tasks_choose_the_features():
    train, _ = table().split_rows(0.75, 0)
    chosen = []
    for square in (0.0, 1.0):
        rung = LearnedPrior()
        rung.fit(
            qs.tasks.TableTasks(
                train.x,
                (train.y - 50) / 10 + square * train.x**2,
                *(
                    getattr(train, n)
                    for n in ("task", "names", "identity", "target", "encoder", "label")
                ),
            ),
            0,
        )
        model = rung.learner.model
        chosen.append(bool(model.knots or model.products))
    assert chosen == [False, True]


def test_the_generator_is_drawn_by_the_seed_of_the_split():
    train = table(6, 12).whole()
    weights = []
    for state, seed in ((0, 5), (1, 5), (1, 6)):
        torch.manual_seed(state)
        before = torch.get_rng_state()
        rung = GeneratedTask(steps=1)
        rung.fit(train, seed)
        assert torch.equal(torch.get_rng_state(), before)
        weights.append(torch.cat([value.flatten() for value in rung.learner.state_dict().values()]))
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[1], weights[2])
