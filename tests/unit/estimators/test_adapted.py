"""Adapted estimators are fitted to one task, and refuse what was not learned."""

import numpy as np
import pytest
from sklearn.base import clone

import quickstudy as qs

DRAW = np.random.default_rng(0)
TASK = np.repeat(np.arange(8), 6)
X = DRAW.normal(size=(48, 2))


def test_a_new_task_with_the_rows_of_a_known_one_is_predicted_alike():
    y = X.sum(1) + TASK
    model = qs.MultiTaskRegressor("learned_prior").fit(X, y, task=TASK)
    adapted = model.adapt(X[:6], y[:6])
    np.testing.assert_allclose(adapted.predict(X), model.predict(X, task=[0] * 48), rtol=1e-6)
    low, high = adapted.predict_interval(X)
    np.testing.assert_allclose((low + high) / 2, adapted.predict(X), rtol=1e-6)
    assert clone(adapted).approach is not None and not hasattr(clone(adapted), "support_")


def test_targets_keep_their_shape_and_number():
    model = qs.MultiTaskRegressor("pooled").fit(X, X, task=TASK)
    assert model.adapt(X[:4], X[:4]).predict(X[:3]).shape == (3, 2)
    with pytest.raises(qs.UserError, match=r"2 targets, as when learning. Found 1"):
        model.adapt(X[:4], X[:4, 0])


def test_a_class_that_was_not_learned_is_refused():
    y = np.where(X[:, 0] > 0, "yes", "no")
    model = qs.MultiTaskClassifier("pooled").fit(X, y, task=TASK)
    adapted = model.adapt(X[:2], ["yes", "yes"])
    assert adapted.classes_.tolist() == ["no", "yes"]
    np.testing.assert_allclose(adapted.predict_proba(X).sum(1), 1, rtol=1e-6)
    with pytest.raises(qs.UserError, match=r"Found \['maybe'\]"):
        model.adapt(X[:2], ["yes", "maybe"])
