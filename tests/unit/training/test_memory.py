"""The estimate of the memory of a step, and the advice if it does not fit."""

import pytest
import torch

import quickstudy as qs
from quickstudy.training import memory
from quickstudy.training.memory import Held, Needs
from tests.unit.training.small import bits, same_bits, sine_learner, sines


def test_the_need_of_a_step():
    needs = Needs(peak=10, kept=4, together=2)
    assert [needs.of(tasks) for tasks in (1, 2, 3)] == [10, 20, 24]
    assert [needs.most(5, free) for free in (9, 10, 23, 24, 1000)] == [0, 1, 2, 3, 4]


def test_a_storage_counts_once_and_a_parameter_not_at_all():
    layer = torch.nn.Linear(3, 3, bias=False)
    with Held(layer) as held:
        hidden = layer(torch.ones(2, 3))
        # the product keeps its factor twice, the layer keeps its input
        product = hidden * hidden
        assert held.now == held.peak == 2 * (2 * 3 * 4)
        del product
        assert held.now == 2 * 3 * 4
        del hidden
    assert (held.now, held.peak) == (0, 48)


def test_a_step_that_does_not_fit_into_memory_is_refused(monkeypatch):
    learner, one = sine_learner(), sines().sample(1, qs.Moment(0, "memory"))
    task, kept = memory.bytes_per_task(learner, one)
    assert task == kept  # an unrolled graph lives until the backward pass
    monkeypatch.setattr(memory, "available_bytes", lambda device: 10 * task)
    before = bits(learner)
    options = {"tasks_per_step": 20, "progress": False}
    with pytest.raises(qs.UserError, match=r"20 tasks needs about .* GiB .*tasks_per_backward=8"):
        qs.fit(learner, sines(), 4, **options)
    assert same_bits(bits(learner), before)
    qs.fit(learner, sines(), 1, tasks_per_backward=8, **options)


def test_the_estimate_of_memory_grows_with_the_inner_steps():
    one = sines().sample(1, qs.Moment(0, "memory"))
    few, many = (memory.bytes_per_task(sine_learner(inner_steps=steps), one)[0] for steps in (1, 5))
    assert 0 < few < many


def test_one_task_after_another_needs_memory_of_one_where_no_graph_is_kept(monkeypatch):
    one = sines().sample(1, qs.Moment(0, "memory"))
    for outer, fits in (("stepwise", True), ("unrolled", False)):
        learner = sine_learner(inner_steps=5, outer_gradient=outer, mapping="loop")
        peak, kept = memory.bytes_per_task(learner, one)
        assert (kept < peak / 2) == fits
        monkeypatch.setattr(memory, "available_bytes", lambda device, free=25 * peak: free)
        monkeypatch.setattr(type(learner), "tasks_kept", lambda self, support: 1)
        if fits:
            assert memory.refuse_what_does_not_fit(learner, one, 50) == 50 * kept + (peak - kept)
        else:
            with pytest.raises(qs.UserError, match="50 tasks needs about"):
                memory.refuse_what_does_not_fit(learner, one, 50)


def test_one_task_that_does_not_fit_gets_advice_that_can_help(monkeypatch):
    one = sines().sample(1, qs.Moment(0, "memory"))
    for outer, advice in (
        ("stepwise", r"free: take a smaller network"),
        ("unrolled", r"free: take outer_gradient='stepwise' .* smaller"),
    ):
        learner = sine_learner(inner_steps=5, outer_gradient=outer)
        peak, _ = memory.bytes_per_task(learner, one)
        monkeypatch.setattr(memory, "available_bytes", lambda device, free=peak // 2: free)
        with pytest.raises(qs.UserError, match=advice):
            memory.refuse_what_does_not_fit(learner, one, 4)
