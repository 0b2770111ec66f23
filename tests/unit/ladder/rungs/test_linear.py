"""Mixed models climb the ladder as priors, and predict by the best linear unbiased prediction."""

import numpy as np
import pytest
import torch

import quickstudy as qs
from quickstudy.ladder.mixed_model import mixed_model
from quickstudy.ladder.rungs.linear import Gaussian, MixedRung, linear_prior
from quickstudy.learners.empirical_bayes import Moments
from quickstudy.tasks.table_form import TableForm
from tests.unit.ladder.small import passes, table


def scaled(made):
    whole = made.whole()
    return TableForm.of(whole, made.labels).tasks(whole)


def test_a_prior_is_put_into_a_learner():
    factor = torch.tensor([[0.0, 0.0], [0.0, 2.0]])
    prior = Gaussian(torch.tensor([3.0, 1.0]), factor, torch.tensor(4.0))
    learner = linear_prior([prior], scaled(table(3, 5)))
    support = qs.Batch.of(torch.tensor([[1.0], [2.0]]), torch.tensor([[6.0], [9.0]]))
    found = learner.predict(learner.adapt(support), torch.tensor([[[0.0]]]))
    # residuals 2 and 2 of an intercept with variance 4, noise 4: 4 / (2 + 4 / 4)
    assert float(found) == pytest.approx(1 + 4 / 3, rel=1e-5)


@pytest.mark.parametrize("slopes", [False, True])
def test_tasks_are_predicted_by_the_best_linear_unbiased_prediction(slopes):
    tasks, rung = scaled(table(8, 12)), MixedRung(slopes)
    rung.fit(tasks, 0)
    x = torch.cat([tasks.x, torch.ones_like(tasks.x)], 1).double()
    moments = Moments.of(x, tasks.y[:, 0].double(), tasks.sizes)
    model = mixed_model(moments, [0, 1] if slopes else [1], correlated=slopes)
    batch = tasks.batch()
    found = rung.predict(qs.Episode(batch, batch, tasks.identity), True)
    own, y = x[:12].numpy(), tasks.y[:12, 0].double().numpy()
    mean, factor = model.mean.numpy(), model.factor.numpy()
    covariance = own @ factor @ factor.T @ own.T
    total = covariance + float(model.noise) * np.eye(12)
    expected = own @ mean + covariance @ np.linalg.solve(total, y - own @ mean)
    np.testing.assert_allclose(found[0, :, 0], expected, atol=1e-4)


def test_classes_and_many_slopes_are_refused():
    assert "for numbers" in MixedRung(False).refuses(passes(4, 6).whole())
    wide = scaled(table(4, 6))
    object.__setattr__(wide, "x", torch.zeros(24, 61))
    assert "61 random slopes are too many" in MixedRung(True).refuses(wide)
    assert not MixedRung(False).refuses(wide)
