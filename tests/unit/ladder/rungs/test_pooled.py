"""One linear model for all rows, whatever their task."""

import numpy as np
import torch
from sklearn.linear_model import RidgeCV

import quickstudy as qs
from quickstudy.ladder.rungs import Pooled
from quickstudy.ladder.rungs.classifier import Classifier
from quickstudy.ladder.rungs.rung import PENALTIES
from quickstudy.tasks.parts import part_of
from tests.unit.ladder.small import passes, table


def test_numbers_are_predicted_by_ridge_regression_on_all_rows():
    tasks = table(4, 8).whole()
    rung = Pooled()
    rung.fit(tasks, 0)
    found = rung.predict(qs.Episode(tasks.batch(), tasks.batch(), tasks.identity), True)
    ridge = RidgeCV(PENALTIES).fit(tasks.x.numpy(), tasks.y.numpy())
    expected = ridge.predict(tasks.x.numpy())
    np.testing.assert_allclose(found.flatten(), expected.ravel(), rtol=1e-5)


def test_classes_are_predicted_by_logistic_regression_on_all_rows():
    tasks = passes(4, 8).whole()
    rung = Pooled("pooled, logistic")
    rung.fit(tasks, 0)
    found = rung.predict(qs.Episode(tasks.batch(), tasks.batch(), tasks.identity), False)
    base = np.bincount(tasks.y.numpy()) / len(tasks.y)
    model = Classifier("linear", tasks.x.numpy(), tasks.y.numpy(), base)
    np.testing.assert_allclose(found.flatten(0, 1), model.probabilities(tasks.x.numpy()), rtol=1e-4)


def test_a_single_row_is_the_prediction_of_all():
    tasks = part_of(table(2, 2).whole(), torch.tensor([True, False, False, False]))
    rung = Pooled()
    rung.fit(tasks, 0)
    batch = qs.Batch.of(torch.zeros(3, 1, dtype=tasks.x.dtype), torch.zeros(3, 1))
    found = rung.predict(qs.Episode(batch, batch, torch.zeros(1, dtype=torch.long)), False)
    assert found.flatten().tolist() == [float(tasks.y)] * 3
