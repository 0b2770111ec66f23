"""The multi-task estimators: against closed forms and plain models on planted tasks, and in
scikit-learn's company."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import quickstudy as qs
from quickstudy.ladder.methods import METHODS, OwnOrRefitted
from quickstudy.ladder.rungs import MetaLearnedSharing, Sharing

NUM_TASKS, ROWS = 30, 8


def lines(
    num_tasks: int = NUM_TASKS, rows: int = ROWS, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Planes whose coefficients are drawn around a common mean: features, targets, tasks."""
    draw = np.random.default_rng(seed)
    task = np.repeat(np.arange(num_tasks), rows)
    x = draw.normal(2, 3, (len(task), 3))
    weights = np.array([3.0, -1.0, 0.5]) + draw.normal(size=(num_tasks, 3)) * [0.1, 1.0, 0.1]
    return (
        x,
        10 * draw.normal(size=num_tasks)[task]
        + (x * weights[task]).sum(1)
        + draw.normal(size=len(task)),
        task,
    )


def classes(
    num_tasks: int = 40, rows: int = 16, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three classes by linear scores whose offsets vary by task."""
    draw = np.random.default_rng(seed)
    task = np.repeat(np.arange(num_tasks), rows)
    x = draw.normal(size=(len(task), 2))
    common = np.random.default_rng(100).normal(size=(2, 3)) * 2
    scores = (
        x @ common + 2 * draw.normal(size=(num_tasks, 3))[task] + draw.gumbel(size=(len(task), 3))
    )
    return x, np.array(["high", "low", "mid"])[scores.argmax(1)], task


def halves(task: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The even and the odd rows."""
    even = np.arange(len(task)) % 2 == 0
    return even, ~even


def test_the_learned_prior_beats_pooling_and_a_task_alone():
    x, y, task = lines()
    seen, new = halves(task)
    error = {}
    for method in ("auto", "learned_prior", "pooled", "single_task"):
        model = qs.MultiTaskRegressor(method).fit(x[seen], y[seen], task=task[seen])
        error[method] = np.square(model.predict(x[new], task=task[new]) - y[new]).mean()
    best_plain = min(error["pooled"], error["single_task"])
    assert max(error["auto"], error["learned_prior"]) < 0.5 * best_plain
    with_ridge = [
        RidgeCV(np.logspace(-2, 4, 13)).fit(x[seen & (task == t)], y[seen & (task == t)])
        for t in range(NUM_TASKS)
    ]
    alone = [
        np.square(with_ridge[t].predict(x[new & (task == t)]) - y[new & (task == t)]).mean()
        for t in range(NUM_TASKS)
    ]
    assert error["learned_prior"] < 0.5 * np.mean(alone)


def test_a_new_task_is_served_by_the_posterior():
    """Computed by hand from the mean, the covariance and the noise of the prior."""
    x, y, task = lines()
    model = qs.MultiTaskRegressor("learned_prior").fit(x, y, task=task)
    new_x, new_y, _ = lines(1, 9, seed=5)
    learner, form = model.approach_.rung.learner, model.approach_.form
    assert not learner.model.products and not any(learner.model.knots)
    assert learner.noise_shape.isinf().all()
    columns = form.encoder.columns
    phi = np.c_[
        np.clip((new_x - [c.mean for c in columns]) / [c.scale for c in columns], -4, 4), np.ones(9)
    ]
    mean, factor = learner.mean[0].detach().numpy(), learner.factor[0].detach().tril().numpy()
    noise, prior = float(learner.log_noise.detach().exp()), factor @ factor.T
    # the gain serves priors that hold some weights fixed too
    gain = prior @ phi[:4].T @ np.linalg.inv(phi[:4] @ prior @ phi[:4].T + noise * np.eye(4))
    covariance = prior - gain @ phi[:4] @ prior
    posterior = mean + gain @ ((new_y[:4] - form.mean[0]) / form.scale[0] - phi[:4] @ mean)
    adapted = model.adapt(new_x[:4], new_y[:4])
    np.testing.assert_allclose(
        adapted.predict(new_x[4:]), phi[4:] @ posterior * form.scale[0] + form.mean[0], rtol=1e-6
    )
    low, high = adapted.predict_interval(new_x[4:], level=0.6826894921370859)
    spread = np.sqrt(np.einsum("nd,de,ne->n", phi[4:], covariance, phi[4:]) + noise) * form.scale[0]
    np.testing.assert_allclose((high - low) / 2, spread, rtol=1e-6)


def test_intervals_hold_what_they_say():
    x, y, task = lines(60, 20)
    model = qs.MultiTaskRegressor("learned_prior").fit(x, y, task=task)
    hits = []
    for seed in range(100, 140):
        new_x, new_y, _ = lines(1, 24, seed)
        low, high = model.adapt(new_x[:4], new_y[:4]).predict_interval(new_x[4:])
        hits.append(((low < new_y[4:]) & (new_y[4:] < high)).mean())
    assert 0.85 < np.mean(hits) < 0.95
    low, high = model.predict_interval(x, task, level=0.5)
    assert 0.45 < ((low < y) & (y < high)).mean() < 0.62


def test_tasks_of_classes_share():
    x, y, task = classes()
    seen, new = halves(task)
    model = qs.MultiTaskClassifier("learned_prior").fit(x[seen], y[seen], task=task[seen])
    loss = log_loss(y[new], model.predict_proba(x[new], task=task[new]))
    frequencies = np.stack([(y[seen] == name).mean() for name in model.classes_])
    pooled = LogisticRegression().fit(x[seen], y[seen]).predict_proba(x[new])
    assert (
        loss
        < 0.85 * log_loss(y[new], pooled)
        < log_loss(y[new], np.tile(frequencies, (len(y[new]), 1)))
    )
    assert (
        model.score(x[new], y[new], task=task[new])
        == (model.predict(x[new], task=task[new]) == y[new]).mean()
        > 0.65
    )
    new_x, new_y, _ = classes(1, 60, seed=9)
    adapted = model.adapt(new_x[:10], new_y[:10])
    assert (
        adapted.classes_.tolist() == ["high", "low", "mid"]
        and adapted.score(new_x[10:], new_y[10:]) > 0.6
    )
    assert log_loss(new_y[10:], adapted.predict_proba(new_x[10:])) < log_loss(
        new_y[10:], model.predict_proba(new_x[10:], task=[-1] * 50)
    )


SHORT = {
    "pooled_refitted": lambda: Sharing("pooled", heads=False, refit=True, steps=10),
    "hard_sharing": lambda: OwnOrRefitted(steps=10),
    "meta_learned": lambda: MetaLearnedSharing(steps=10),
}


@pytest.mark.parametrize("method", [*SHORT, "boosting"])
def test_every_method_serves_both_kinds(method, monkeypatch):
    monkeypatch.setitem(METHODS, method, SHORT.get(method, METHODS[method]))
    for estimator, (x, y, task) in (
        (qs.MultiTaskRegressor, lines(6, 12)),
        (qs.MultiTaskClassifier, classes(6)),
    ):
        model = estimator(method).fit(x, y, task=task)
        adapted = model.adapt(x[:8], y[:8])
        assert model.predict(x, task=task).shape == adapted.predict(x).shape == y.shape
        assert model.predict(x[:3], task=[1000] * 3).shape == (3,)
        same = pickle.loads(pickle.dumps(model)).predict(x, task=task)
        assert (same == model.predict(x, task=task)).all()


def test_hard_sharing_has_a_head_for_a_known_task_and_refits_one_for_a_new(monkeypatch):
    x, y, task = lines(6, 12)
    rung = OwnOrRefitted(steps=10)
    assert rung.own.network is rung.refitted.network
    monkeypatch.setitem(METHODS, "hard_sharing", lambda: rung)
    model = qs.MultiTaskRegressor("hard_sharing").fit(x, y, task=task)
    learner, rows = model.approach_.rung.own.learner, model.rows_
    support = rows.batch([2])
    own = learner.predict(learner.known(support, torch.tensor([2])), support.x)[0, :, 0]
    refitted = learner.predict(learner.adapt(support), support.x)[0, :, 0]
    form = model.approach_.form
    for found, expected in (
        (model.predict(x[24:36], task=[2] * 12), own),
        (model.adapt(x[24:36], y[24:36]).predict(x[24:36]), refitted),
    ):
        np.testing.assert_allclose(
            found, form.unscaled(expected.unsqueeze(1))[:, 0].numpy(), rtol=1e-9
        )


def test_a_pickle_predicts_the_same_bits():
    x, y, task = lines()
    model = qs.MultiTaskRegressor().fit(x, y, task=task)
    adapted = model.adapt(x[:4], y[:4])
    for one, arguments in ((model, (x, task)), (adapted, (x,))):
        again = pickle.loads(pickle.dumps(one))
        assert (again.predict(*arguments) == one.predict(*arguments)).all()


def test_an_adapted_estimator_is_an_ordinary_one():
    x, y, task = lines()
    adapted = qs.MultiTaskRegressor("learned_prior").fit(x, y, task=task).adapt(x[:4], y[:4])
    other_x, other_y, _ = lines(1, 20, seed=3)
    assert (clone(adapted).fit(x[:4], y[:4]).predict(other_x) == adapted.predict(other_x)).all()
    assert cross_val_score(adapted, other_x, other_y, cv=4).min() > 0.8


def frame() -> tuple[pd.DataFrame, np.ndarray]:
    x, y, task = lines()
    day = np.where(np.arange(len(task)) % 3 == 0, "sat", "mon")
    y = y + 20 * (day == "sat")
    table = pd.DataFrame(
        {"price": x[:, 0], "day": day, "size": x[:, 1], "age": x[:, 2], "shop": task.astype(str)}
    )
    table.loc[3, "size"] = np.nan
    return table, y


def test_a_table_with_categories_empty_cells_and_a_task_column():
    table, y = frame()
    model = qs.MultiTaskRegressor().fit(table, y, task="shop")
    assert model.score(table, y) > 0.97 and model.feature_names_in_.tolist() == [
        "price",
        "day",
        "size",
        "age",
    ]
    by_array = qs.MultiTaskRegressor().fit(table.drop(columns="shop"), y, task=table["shop"])
    assert (
        by_array.predict(table.drop(columns="shop"), task=table["shop"]) == model.predict(table)
    ).all()
    order = np.random.default_rng(0).permutation(len(table))
    np.testing.assert_allclose(
        model.predict(table.iloc[order]), model.predict(table)[order], rtol=1e-9
    )
    new = table[table["shop"] == "7"]
    adapted = model.adapt(new[:5], y[new.index[:5]])
    assert adapted.score(new[5:].drop(columns="shop"), y[new.index[5:]]) > 0.8


def test_a_search_passes_the_task_on():
    x, y, task = lines()
    with sklearn.config_context(enable_metadata_routing=True):
        model = (
            qs.MultiTaskRegressor()
            .set_fit_request(task=True)
            .set_score_request(task=True)
            .set_predict_request(task=True)
        )
        pipeline = make_pipeline(StandardScaler(), model)
        grid = {"multitaskregressor__method": ["pooled", "learned_prior"]}
        search = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(x, y, task=task)
        assert search.best_params_ == {"multitaskregressor__method": "learned_prior"}
        assert (
            search.best_estimator_.predict(x, task=task).shape == y.shape
            and search.score(x, y, task=task) > 0.9
        )


def test_a_search_over_a_table_needs_no_routing():
    table, y = frame()
    search = GridSearchCV(
        qs.MultiTaskRegressor(), {"method": ["pooled", "learned_prior"]}, cv=3, error_score="raise"
    ).fit(table, y, task="shop")
    assert search.best_params_ == {"method": "learned_prior"}


def test_several_targets_keep_their_shape():
    x, y, task = lines()
    model = qs.MultiTaskRegressor("learned_prior").fit(x, np.c_[y, -2 * y], task=task)
    found = model.predict(x, task=task)
    assert found.shape == (len(y), 2)
    np.testing.assert_allclose(found[:, 1], -2 * found[:, 0], rtol=1e-6)
    assert model.adapt(x[:3], np.c_[y, y][:3]).predict(x[:5]).shape == (5, 2)


def test_a_task_of_one_row_and_a_class_that_a_task_lacks():
    x, y, task = classes(12)
    task, y = task.copy(), y.copy()
    task[0], y[task == 1] = 99, "low"
    for method in ("single_task", "learned_prior"):
        found = qs.MultiTaskClassifier(method).fit(x, y, task=task).predict_proba(x, task=task)
        np.testing.assert_allclose(found.sum(1), 1, rtol=1e-6)
        assert (found > 0).all() and (found[task == 1].mean(0).argmax() == 1)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (
            lambda x, y, t: qs.MultiTaskRegressor("magic").fit(x, y, task=t),
            "Parameter `method` should be one of auto, learned_prior",
        ),
        (
            lambda x, y, t: qs.MultiTaskRegressor().fit(x, y, task="shop"),
            "a column of the DataFrame X. Found 'shop'",
        ),
        (
            lambda x, y, t: qs.MultiTaskRegressor().fit(x, y, task=t[:4]),
            "for every row of X. Found 4 for 240|inconsistent numbers",
        ),
        (
            lambda x, y, t: qs.MultiTaskRegressor().fit(x, y, task=np.where(t, t, np.nan)),
            "task of every row. Found 8 empty",
        ),
        (
            lambda x, y, t: qs.MultiTaskRegressor("pooled").fit(x, y, task=t).predict(x),
            "30 were learned. Found none",
        ),
        (
            lambda x, y, t: (
                qs.MultiTaskRegressor("pooled").fit(x, y, task=t).predict_interval(x, t)
            ),
            "Intervals are given by",
        ),
        (
            lambda x, y, t: (
                qs.MultiTaskRegressor("learned_prior").fit(x, y, t).predict_interval(x, t, 90)
            ),
            "level=90",
        ),
        (
            lambda x, y, t: qs.MultiTaskRegressor("pooled").fit(x, y, t).adapt(x, np.c_[y, y]),
            "1 targets, as when learning. Found 2",
        ),
        (
            lambda x, y, t: (
                qs.MultiTaskClassifier("pooled").fit(x, y > 0, t).adapt(x[:2], ["a", "b"])
            ),
            "the classes that were learned",
        ),
    ],
)
def test_mistakes(act, message):
    with pytest.raises(ValueError, match=message):
        act(*lines())


def test_missing_labels_types_of_tasks_and_rows_of_several():
    draw = np.random.default_rng(0)
    shop, price = np.repeat(np.arange(8), 6), draw.uniform(1, 9, 48)
    frame = pd.DataFrame({"price": price, "shop": shop})
    sold = draw.normal(50, 9, 8)[shop] - 2 * price
    model = qs.MultiTaskRegressor(method="learned_prior").fit(frame, sold, task="shop")
    missing = pd.Series(sold).where(np.arange(48) != 5)
    with_hole = qs.MultiTaskRegressor(method="learned_prior").fit(frame, missing, task="shop")
    without = np.arange(48) != 5
    same = qs.MultiTaskRegressor(method="learned_prior").fit(
        frame[without], sold[without], task="shop"
    )
    np.testing.assert_array_equal(with_hole.predict(frame), same.predict(frame))
    expected = model.predict(frame)
    for carry in (str, float):
        found = model.predict(frame.assign(shop=frame["shop"].astype(carry)))
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(qs.UserError, match=r"rows of one task to adapt to. Found 2"):
        model.adapt(frame[:12], sold[:12])
    assert model.adapt(frame[:6], missing[:6]).predict(frame[["price"]][:2]).shape == (2,)
    grades = np.where(np.arange(48) % 2, "good", None)
    grades[::4] = "bad"
    classes = qs.MultiTaskClassifier(method="learned_prior").fit(frame, grades, task="shop")
    assert classes.classes_.tolist() == ["bad", "good"]
