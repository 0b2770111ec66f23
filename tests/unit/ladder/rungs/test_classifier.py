"""Classifiers give every class a probability, from few rows too."""

import numpy as np
from sklearn.linear_model import LogisticRegression

from quickstudy.ladder.rungs.classifier import Classifier


def test_a_classifier_of_few_rows_counts_one_of_the_base():
    x, y, base = np.array([[0.0], [1.0], [2.0]]), np.array([0, 2, 2]), np.array([0.5, 0.25, 0.25])
    new = np.array([[0.5], [3.0]])
    by_model = LogisticRegression(C=0.1).fit(x, y).predict_proba(new)
    expected = (3 * np.stack([by_model[:, 0], 0 * by_model[:, 0], by_model[:, 1]], 1) + base) / 4
    np.testing.assert_allclose(
        Classifier("linear", x, y, base).probabilities(new), expected, rtol=1e-6
    )
    alone = [
        Classifier("linear", x[1:], y[1:], base),
        Classifier("frequencies", x[1:], y[1:], base),
    ]
    for made in alone:
        np.testing.assert_allclose(
            made.probabilities(new), [(2 * np.array([0, 0, 1]) + base) / 3] * 2
        )
    np.testing.assert_allclose(
        Classifier("linear", x[:0], y[:0], base).probabilities(new), [base] * 2
    )


def test_a_probability_that_rounds_to_0_does_not_stop_the_choice_of_a_penalty():
    """Classes far apart, and one row very far on the wrong side, which the others hold for
    impossible."""
    x = np.concatenate([np.linspace(-1e3, -9e2, 12), np.linspace(9e2, 1e3, 12)])[:, None]
    y = np.repeat([0, 1], 12)
    x[0], y[0] = -1e6, 1
    found = Classifier("linear", x, y, np.full(2, 0.5)).probabilities(x)
    assert np.isfinite(np.log(found)).all() and found[0, 1] > 0.9
