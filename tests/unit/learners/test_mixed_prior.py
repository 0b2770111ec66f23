"""A learned prior for each of several targets: what it is on each alone."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

import quickstudy as qs

NAN = float("nan")
KINDS = {"sold": "regression", "late": "classification"}


def tasks(missing: float = 0.3) -> qs.tasks.TableTasks:
    """A number and a class that move with the same level of a shop, some labels of each missing."""
    draw = np.random.default_rng(0)
    shop = np.repeat(np.arange(8), 12)
    x, level = draw.normal(size=(96, 2)), draw.normal(size=8)[shop]
    rows = pd.DataFrame(
        {
            "shop": shop,
            "a": x[:, 0],
            "b": x[:, 1],
            "sold": level + x[:, 0],
            "late": np.where(level > x[:, 1], "y", "n"),
        }
    )
    for name in KINDS:
        rows[name] = rows[name].where(draw.random(96) >= missing)
    return qs.tasks.Table(rows, "shop", list(KINDS), KINDS).whole()


def alone(whole: qs.tasks.TableTasks) -> tuple[qs.tasks.TableTasks, qs.tasks.TableTasks]:
    """The rows that have the number, and those that have the class."""
    number, classes = (~column.isnan() for column in whole.y.unbind(1))
    return (
        replace(
            whole,
            x=whole.x[number],
            y=whole.y[number, :1],
            task=whole.task[number],
            target=qs.targets.Numbers((1,)),
        ),
        replace(
            whole,
            x=whole.x[classes],
            y=whole.y[classes, 1].long(),
            task=whole.task[classes],
            target=qs.targets.Classes(2),
        ),
    )


def fitted(whole: qs.tasks.TableTasks) -> tuple[qs.MixedPrior, qs.LinearPrior, qs.LogisticPrior]:
    model = qs.models.Powers(2, 2)
    learners = (
        qs.MixedPrior(model, (0, 2)).double(),
        qs.LinearPrior(model).double(),
        qs.LogisticPrior(model, 2).double(),
    )
    for learner, own in zip(learners, (whole, *alone(whole)), strict=True):
        learner.fit_tasks(own)
    return learners


def double(whole: qs.tasks.TableTasks) -> qs.tasks.TableTasks:
    return replace(whole, x=whole.x.double(), y=whole.y.double())


def test_each_target_has_the_prior_and_the_posterior_of_its_own_labels_alone():
    whole = double(tasks())
    mixed, linear, logistic = fitted(whole)
    number, classes = alone(whole)
    adapted, new = mixed.adapt(whole.batch()), whole.batch().x
    apart = linear.adapt(number.batch()), logistic.adapt(classes.batch())
    expected = torch.cat([linear.predict(apart[0], new), logistic.predict(apart[1], new)], -1)
    torch.testing.assert_close(mixed.predict(adapted, new), expected, rtol=1e-9, atol=1e-9)
    for bound, own in zip(
        mixed.interval(adapted, new, 0.8), linear.interval(apart[0], new, 0.8), strict=True
    ):
        torch.testing.assert_close(bound[..., :1], own, rtol=1e-9, atol=1e-9)
        assert bound[..., 1:].isnan().all() and bound.shape[-1] == 3


def test_the_loss_is_the_mean_over_targets_of_their_own():
    whole = double(tasks())
    mixed, linear, logistic = fitted(whole)
    both = [qs.Episode(own.batch(), own.batch(), own.identity) for own in alone(whole)]
    expected = (linear.losses(both[0]) + logistic.losses(both[1])) / 2
    torch.testing.assert_close(
        mixed.losses(qs.Episode(whole.batch(), whole.batch(), whole.identity)),
        expected,
        rtol=1e-9,
        atol=1e-9,
    )


def test_a_target_without_labels_counts_nothing():
    whole = double(tasks())
    mixed, linear, _ = fitted(whole)
    bare = replace(whole, y=torch.stack([whole.y[:, 0], torch.full_like(whole.y[:, 1], NAN)], 1))
    number = alone(whole)[0]
    expected = linear.losses(qs.Episode(number.batch(), number.batch(), number.identity))
    torch.testing.assert_close(
        mixed.losses(qs.Episode(bare.batch(), bare.batch(), bare.identity)),
        expected,
        rtol=1e-9,
        atol=1e-9,
    )
    none = replace(whole, y=torch.full_like(whole.y, NAN))
    assert not mixed.losses(qs.Episode(none.batch(), none.batch(), none.identity)).any()


def test_features_are_learned_for_all_targets():
    source = tasks().episodes(shot=5, query=5)
    learner = qs.MixedPrior(qs.models.MLP(2, None, hidden=(8,)), (0, 2))
    before = qs.evaluate(learner, source, 20, baselines=False).mean
    qs.fit(learner, source, 40, 4, lr=1e-2, progress=False)
    assert qs.evaluate(learner, source, 20, baselines=False).mean < 0.9 * before


def test_one_number_serves_regression():
    found = qs.evaluate(
        qs.MixedPrior(qs.models.MLP(1, None, hidden=(4,))),
        qs.tasks.Sinusoid().episodes(5, 5),
        3,
        baselines=False,
    )
    plain = qs.evaluate(
        qs.LinearPrior(qs.models.MLP(1, None, hidden=(4,))),
        qs.tasks.Sinusoid().episodes(5, 5),
        3,
        baselines=False,
    )
    assert found.metric == "mean_squared_error" and found.mean == pytest.approx(plain.mean)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            lambda: qs.MixedPrior(qs.models.Powers(2), (0, 1)),
            "Targets should be 0 for a number, or at least 2 classes. Found (0, 1).",
        ),
        (
            lambda: qs.MixedPrior(torch.nn.Identity(), (0, 2)),
            "Parameter `embedding_size` is needed",
        ),
        (
            lambda: qs.MixedPrior(qs.models.Powers(2), (0, 2), prior_scale=0),
            "Parameter `prior_scale` should be positive. Found prior_scale=0.",
        ),
        (
            lambda: qs.MixedPrior(qs.models.Powers(2), (0, 2)).adapt(
                qs.Batch.of(torch.zeros(3, 2), torch.zeros(3, 1))
            ),
            "MixedPrior cannot serve Numbers(shape=(1,)). It predicts the targets (0, 2)",
        ),
        (
            lambda: qs.MixedPrior(qs.models.Powers(2), (0, 2)).adapt(
                qs.Batch.of(torch.zeros(3, 2), torch.zeros(3, 2), qs.targets.Several((2, 0)))
            ),
            "MixedPrior cannot serve Several(targets=(2, 0)). It predicts the targets (0, 2)",
        ),
        (
            lambda: qs.evaluate(qs.MixedPrior(qs.models.Powers(2), (0, 3)), tasks().episodes(3), 2),
            "MixedPrior cannot serve Several(targets=(0, 2)). It predicts the targets (0, 3)",
        ),
        (
            lambda: qs.evaluate(
                qs.MixedPrior(qs.models.Powers(1), (0, 2)), qs.tasks.Sinusoid().episodes(), 2
            ),
            "MixedPrior cannot serve Numbers(shape=(1,)). It predicts the targets (0, 2)",
        ),
    ],
)
def test_errors(wrong, message):
    with pytest.raises(qs.UserError) as error:
        wrong()
    assert str(error.value).startswith(message)
