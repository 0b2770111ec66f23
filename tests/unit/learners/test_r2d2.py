"""R2D2 and LR-D2 against scikit-learn."""

import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from torch import nn

import quickstudy as qs
from tests.laws.battery import close
from tests.unit.learners.points import NEW, X, Y, scores_of


@pytest.mark.parametrize("regulariser", [0.1, 5.0])
def test_ridge_is_scikit_learns(regulariser):
    ridge = Ridge(alpha=regulariser, fit_intercept=False).fit(
        X.numpy(), nn.functional.one_hot(Y, 4).numpy()
    )
    found = scores_of(qs.R2D2(nn.Identity(), regulariser=regulariser, scale=2.0))
    close(found, 2 * torch.as_tensor(ridge.predict(NEW.numpy())), 1e-6)


def test_logistic_is_scikit_learns_one_class_against_the_rest():
    found = scores_of(
        qs.R2D2(nn.Identity(), "logistic", regulariser=2.0, scale=1.0, newton_steps=20)
    )
    for c in range(4):
        logistic = LogisticRegression(C=0.5, fit_intercept=False, tol=1e-12, max_iter=10_000).fit(
            X.numpy(), (c == Y).numpy()
        )
        close(found[:, c], torch.as_tensor(logistic.decision_function(NEW.numpy())), 1e-5)
