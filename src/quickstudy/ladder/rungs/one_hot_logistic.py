"""Logistic regression on the features and on the task, one-hot."""

from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold
from torch import nn

from quickstudy.ladder.rungs.logistics import FOLDS, INVERSE_PENALTIES
from quickstudy.ladder.rungs.rung import AdaptingRung
from quickstudy.ladder.rungs.task_column import Rows
from quickstudy.learners import LogisticPrior
from quickstudy.tasks import TableTasks

Labels = NDArray[np.int64]
Divisions = list[tuple[Labels, Labels]]
"""Rows to learn from and rows to judge on."""
ABSENT = -20.0
"""The score of a class that no training row has."""


class OneHotLogistic(AdaptingRung):
    """Logistic regression that sees the task: a column of zeros and ones for each.

    The penalty is chosen by threefold cross-validation of the rows. A new task has no
    column. Its intercepts are estimated from its rows with the same penalty, with the features'
    weights held fixed; without rows they are 0. The probabilities are moderated by the
    uncertainty of these intercepts (:class:`~quickstudy.LogisticPrior`).
    """

    name = "logistic, task one-hot"
    family = "plain"
    cost = 0

    def refuses(self, train: TableTasks) -> str:
        """Refuse numbers, and rows of a single class."""
        if not train.target.way:
            return "logistic regression is for classes"
        return "" if len(train.y.unique()) > 1 else "there is one class only"

    def fit(self, train: TableTasks, seed: int) -> None:
        """Choose the penalty, and fit."""
        x, y = _columns(train), train.y.numpy()
        model = _model(_inverse(x, y, seed)).fit(x, y)
        weights = _by_class(model, train.x.shape[1])
        self.learner = _prior(weights, _variance(model), model.classes_, train)


def _variance(model: LogisticRegression) -> float:
    """Give the variance of every class's weights.

    For two classes the weights are ± half the regression's weights, whose variance is ``C``.
    """
    return model.C / 2 if len(model.classes_) == 2 else model.C


def _by_class(model: LogisticRegression, features: int) -> Rows:
    """Give the weights of every class, its intercept last ``[class, feature]``."""
    weights = np.column_stack([model.coef_[:, :features], model.intercept_])
    return np.concatenate([-weights, weights]) / 2 if len(weights) == 1 else weights


def _prior(
    weights: Rows,
    variance: float,
    classes: Labels,
    train: TableTasks,
) -> LogisticPrior:
    """Give the regression as a prior: only the intercepts have a variance."""
    features = train.x.shape[1]
    learner = LogisticPrior(nn.Identity(), train.target.scores, embedding_size=features)
    mean, factor = torch.zeros_like(learner.mean), torch.zeros_like(learner.factor)
    # a class that no row has stays improbable
    mean[:, -1] = ABSENT
    mean[classes] = torch.from_numpy(weights).to(mean.dtype)
    factor[:, -1, -1] = variance**0.5
    with torch.no_grad():
        learner.mean.copy_(mean)
        learner.factor.copy_(factor)
    return learner.to(train.x.dtype)


def _columns(train: TableTasks) -> csr_matrix:
    """Put a column for each task behind the features, as a sparse matrix."""
    features = csr_matrix(train.x.double().numpy())
    return hstack([features, _one_hot(train)]).tocsr()


def _one_hot(train: TableTasks) -> csr_matrix:
    """Give a one in the column of each row's task ``[row, task]``."""
    rows = np.arange(len(train.x))
    ones = (np.ones(len(rows)), (rows, train.task.numpy()))
    return csr_matrix(ones, (len(rows), len(train.names)))


def _inverse(x: csr_matrix, y: Labels, seed: int) -> float:
    """Choose the inverse penalty of the least log-loss of rows that were left out."""
    divisions = _divisions(y, seed)
    return min(INVERSE_PENALTIES, key=partial(_held_out, x, y, divisions))


def _held_out(x: csr_matrix, y: Labels, divisions: Divisions, inverse: float) -> float:
    """Sum the log-loss of rows that were left out."""
    models = [(_model(inverse).fit(x[seen], y[seen]), held) for seen, held in divisions]
    return sum(_loss(model, x[held], y[held]) for model, held in models)


def _divisions(y: Labels, seed: int) -> Divisions:
    """Divide rows into rows to learn from, which have two classes, and rows to judge on."""
    if len(y) < FOLDS:
        return []
    divisions = KFold(FOLDS, shuffle=True, random_state=seed).split(y)
    return [pair for pair in divisions if len(np.unique(y[pair[0]])) > 1]


def _loss(model: LogisticRegression, x: csr_matrix, y: Labels) -> float:
    """Sum the log-loss of the rows whose class was seen."""
    known = np.isin(y, model.classes_)
    if not known.any():
        return 0.0
    found = model.predict_proba(x[known])
    return float(log_loss(y[known], found, normalize=False, labels=model.classes_))


def _model(inverse: float) -> LogisticRegression:
    return LogisticRegression(C=inverse, max_iter=1000)


__all__ = ["OneHotLogistic"]
