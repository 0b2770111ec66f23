"""Laws of what tasks ask for: every learner serves what it says it serves, and refuses the rest."""

from dataclasses import replace

import pytest
import torch

import quickstudy as qs
from tests.laws.battery import CASES, SOURCES, Case, cast, gradients

TARGETS = {name: make().target for name, make in SOURCES.items()}


def lacking(episodes: qs.Episode) -> qs.Episode:
    """The same tasks; the first one's support set does not show its last class."""
    support = episodes.support
    shown = torch.ones_like(support.mask)
    shown[0] = (support.y[0] != support.target.way - 1).to(shown.dtype)
    return replace(episodes, support=replace(support, mask=support.mask * shown))


@pytest.mark.parametrize("case", [case for case in CASES if TARGETS[case.tasks].way], ids=str)
def test_a_task_that_does_not_show_a_class_is_served(case: Case) -> None:
    learner, episodes = case.learner(), lacking(case.episodes())
    losses, gradient = gradients(learner, episodes)
    assert losses.isfinite().all()
    assert all(value.isfinite().all() for value in gradient.values())
    scores = learner.predict(learner.adapt(episodes.support), episodes.query.x)
    assert scores.shape[2] >= episodes.query.target.way and not scores.isnan().any()
    shown = scores[0, :, : episodes.query.target.way - 1]
    assert shown.isfinite().all() and scores[1:, :, :3].isfinite().all()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_a_learner_says_it_serves_it_serves(case: Case) -> None:
    learner = case.learner()
    assert learner.serves(case.episodes().support.target) is None
    for target in TARGETS.values():
        reason = learner.serves(target)
        assert reason is None or (reason.endswith(".") and len(reason) > 20)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_tasks_that_a_learner_does_not_serve_are_refused_with_its_reason(case: Case) -> None:
    learner = case.learner()
    for name, target in TARGETS.items():
        if (reason := learner.serves(target)) is None:
            continue
        episodes = cast(SOURCES[name]().sample(2, qs.Moment(0, "laws")), torch.float64)
        with pytest.raises(qs.UserError) as error:
            learner.adapt(episodes.support)
        assert reason in str(error.value)
