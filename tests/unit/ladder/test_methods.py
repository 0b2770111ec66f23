"""A method is chosen by name or by cross-validation, and hard sharing has two kinds of heads."""

import pytest
import torch

import quickstudy as qs
from quickstudy.ladder import methods
from quickstudy.ladder.methods import METHODS, QUICK, OwnOrRefitted, choose, made
from quickstudy.ladder.rungs import OneHot, OneHotLogistic, as_one_task
from quickstudy.tasks.table_form import TableForm
from tests.unit.ladder.small import passes, table


def scaled(made: qs.tasks.Table) -> qs.tasks.TableTasks:
    whole = made.whole()
    return TableForm.of(whole, made.labels).tasks(whole)


def test_a_named_method_is_taken_and_another_name_refused():
    tasks = scaled(table(3, 6))
    assert [choose(tasks, name, 0) for name in METHODS] == list(METHODS)
    with pytest.raises(qs.UserError, match="should be one of auto, learned_prior"):
        choose(tasks, "magic", 0)


def test_a_single_task_has_nothing_to_share():
    assert choose(as_one_task(scaled(table(3, 6))), "auto", 0) == "pooled"


@pytest.mark.parametrize("make", [table, passes])
def test_auto_takes_the_least_error_of_the_quick_methods(make, monkeypatch):
    """A lower level for every task: the prior knows it, one model for all does not."""
    assert choose(scaled(make(20, 12)), "auto", 0) not in ("pooled", "single_task")
    errors = dict.fromkeys(QUICK, 2.0) | {"single_task": 1.0}
    monkeypatch.setattr(methods, "_errors", lambda tasks, seed: errors)
    assert choose(scaled(make(3, 6)), "auto", 0) == "single_task"


def test_folds_share_out_the_rows_of_a_task_and_leave_a_single_row_out():
    tasks = scaled(table(2, 7))
    assert methods._folds(tasks, 0).bincount().tolist() == [6, 4, 4]
    assert torch.equal(methods._folds(tasks, 0), methods._folds(tasks, 0))
    lone = scaled(table(3, 1))
    assert methods._folds(lone, 0).tolist() == [-1] * 3


def test_hard_sharing_predicts_known_tasks_by_their_heads_and_others_by_refitted_ones():
    rung, tasks = OwnOrRefitted(steps=3), scaled(table(4, 8))
    rung.fit(tasks, 0)
    assert rung.own.learner is rung.refitted.learner
    batch = tasks.batch()
    episode = qs.Episode(batch, batch, tasks.identity)
    learner = rung.own.learner
    own = learner.predict(learner.known(batch, tasks.identity), batch.x)
    refitted = learner.predict(learner.adapt(batch), batch.x)
    torch.testing.assert_close(rung.predict(episode, True), own)
    torch.testing.assert_close(rung.predict(episode, False), refitted)
    assert not torch.allclose(own, refitted)


def test_a_method_is_another_rung_for_classes_and_refused_if_it_serves_none():
    numbers, classes = scaled(table(4, 8)), scaled(passes(4, 8))
    assert isinstance(made("one_hot", numbers), OneHot)
    assert isinstance(made("one_hot", classes), OneHotLogistic)
    assert methods._able(numbers) == list(QUICK)
    assert methods._able(classes) == ["learned_prior", "one_hot", "pooled", "single_task"]
    with pytest.raises(qs.UserError, match="'random_slopes' cannot learn these tasks: mixed"):
        made("random_slopes", classes)
