"""Laws about the two axes of a batch: what may not matter about tasks and about examples."""

from dataclasses import replace

import pytest
import torch

from quickstudy import Batch, Episode
from tests.laws.battery import CASES, MAPPED, NUM_TASKS, answers, close, gradients, map_batches, pad

every_case = pytest.mark.parametrize("case", CASES, ids=str)


@pytest.mark.parametrize("case", MAPPED, ids=str)
def test_vmap_is_the_loop_is_chunks(case):
    results = []
    for mapping in ("vmap", "loop", 2):
        learner, episodes = case.learner(), case.episodes()
        learner.mapping = mapping
        results.append((*gradients(learner, episodes), answers(learner, episodes)))
    close(results[1], results[0])
    close(results[2], results[0])


@every_case
def test_the_order_of_tasks_does_not_matter(case):
    learner, episodes = case.learner(), case.episodes()
    order = torch.tensor([2, 0, 1])
    close(learner.losses(episodes[order]), learner.losses(episodes)[order])
    close(answers(learner, episodes[order]), answers(learner, episodes)[order])


@every_case
def test_the_order_of_the_support_set_does_not_matter(case):
    learner, episodes = case.learner(), case.episodes()
    support = episodes.support
    order = torch.randperm(support.x.shape[1], generator=torch.Generator().manual_seed(1))
    shuffled = replace(episodes, support=support.each(lambda values: values[:, order]))
    if case.in_turn:
        assert not torch.allclose(learner.losses(shuffled), learner.losses(episodes))
        return
    (losses, grads), (expected, expected_grads) = (
        gradients(learner, shuffled),
        gradients(learner, episodes),
    )
    close((losses, grads), (expected, expected_grads), 1e-9)
    close(answers(learner, shuffled), answers(learner, episodes), 1e-9)


@every_case
def test_a_task_does_not_depend_on_the_others_of_its_batch(case):
    learner, episodes = case.learner().eval(), case.episodes()
    losses, scores = learner.losses(episodes), answers(learner, episodes)
    for task in range(NUM_TASKS):
        alone = episodes[task : task + 1]
        if not case.pooled:
            close(learner.losses(alone), losses[task : task + 1])
        close(answers(learner, alone), scores[task : task + 1])


@every_case
def test_padding_changes_nothing(case):
    learner, episodes = case.learner(), case.episodes()
    padded = map_batches(episodes, pad)
    before, after = gradients(learner, episodes), gradients(learner, padded)
    close(after, before, 1e-12)
    close(
        learner.predict(learner.adapt(padded.support), episodes.query.x),
        answers(learner, episodes),
        1e-12,
    )


@pytest.mark.parametrize("case", [case for case in CASES if not case.pooled], ids=str)
def test_padding_of_one_task_alone_changes_nothing(case):
    learner, episodes = case.learner().eval(), case.episodes()
    padded = map_batches(episodes[:1], pad)
    full = map_batches(
        episodes[1:],
        lambda batch: batch.each(lambda t: torch.cat([t, t[:, :3]], 1)),
    )
    parts = zip((padded.support, padded.query), (full.support, full.query), strict=True)
    support, query = (Batch.joined(both) for both in parts)
    close(
        learner.losses(Episode(support, query, episodes.task))[:1],
        learner.losses(episodes[:1]),
        1e-12,
    )


@every_case
def test_an_empty_query_costs_exactly_nothing(case):
    learner, episodes = case.learner(), case.episodes()
    query = episodes.query
    mask = query.mask.clone()
    mask[0] = 0
    episodes = replace(episodes, query=replace(query, mask=mask))
    losses, grads = gradients(learner, episodes)
    if case.gradient != "displacement":  # whose loss does not look at the query
        assert losses[0] == 0
    assert losses.isfinite().all()
    assert all(gradient.isfinite().all() for gradient in grads.values())
    nothing = replace(episodes, query=replace(query, mask=torch.zeros_like(mask)))
    losses, grads = gradients(learner.eval(), nothing)
    if case.gradient != "displacement":
        assert (losses == 0).all()
        assert all((gradient == 0).all() for gradient in grads.values())
