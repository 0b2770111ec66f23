"""Laws about adapting and predicting."""

import pytest
import torch

from quickstudy.models.norm import forward
from tests.laws.battery import CASES, MAPPED, NUM_TASKS, close

every_case = pytest.mark.parametrize("case", CASES, ids=str)


@every_case
def test_zero_inner_steps_change_nothing(case):
    learner, episodes = case.learner().eval(), case.episodes()
    support, x = episodes.support, episodes.query.x
    start = learner.adapt(support, steps=0)
    scores = learner.predict(start, x)
    if case not in MAPPED:  # has no inner loop
        close(scores, learner.predict(learner.adapt(support), x))
        return
    if case.name.startswith("finetune") and learner.any_way:  # starts from a zero head
        assert (scores == 0).all()
        assert scores.shape == (NUM_TASKS, x.shape[1], 3)
        return
    # which starts from what it generates: the same network with that in its place
    if case.name.startswith("generator"):
        with torch.no_grad():
            for change in learner.part.modulations:
                change.reset_parameters()
        start = learner.adapt(support, steps=0)
        scores = learner.predict(start, x)
    for task in range(NUM_TASKS):
        statistics = (
            forward(learner.model, {}, support.x[task], record=True)[1]
            if learner.statistics == "support"
            else None
        )
        prototypes = getattr(learner, "prototype_head", case.name.startswith("generator"))
        head = {
            name: start[name][task] for name in learner.part.head if prototypes and name in start
        }
        expected = forward(learner.model, head, x[task], statistics=statistics or None)[0].detach()
        shared = getattr(learner, "shared_head", False)
        close(
            scores[task],
            expected.mean(-1, keepdim=True).expand_as(expected) if shared else expected,
        )


@every_case
def test_more_steps_continue_fewer(case):
    learner, support = case.learner(), case.episodes().support
    states = list(learner.adaptations(support, [0, 1, 3]))
    for steps, state in zip((0, 1, 3), states, strict=True):
        close(state, learner.adapt(support, steps), 0)


@every_case
def test_any_number_of_examples_is_predicted(case):
    learner, episodes = case.learner(), case.episodes()
    adapted, x = learner.adapt(episodes.support), episodes.query.x
    outputs = learner.predict(adapted, x).shape[2:]
    assert outputs[0] == episodes.query.target.scores
    for count in (1, 2, 7):
        scores = learner.predict(adapted, x[:, :1].expand(-1, count, *x.shape[2:]).contiguous())
        assert scores.shape == (NUM_TASKS, count, *outputs)
        assert scores.isfinite().all()


@every_case
def test_only_a_transductive_prediction_depends_on_the_other_queries(case):
    learner, episodes = case.learner(), case.episodes()
    adapted, x = learner.adapt(episodes.support), episodes.query.x
    first = learner.predict(adapted, x)[:, 0]
    others = torch.cat([x[:, :1], 3 * x[:, 1:].flip(0) + 1], 1)
    if learner.transductive:
        assert not torch.allclose(learner.predict(adapted, others)[:, 0], first)
    else:
        close(learner.predict(adapted, others)[:, 0], first)
        close(learner.predict(adapted, x[:, :1])[:, 0], first)
