"""Logistic regression on the features and on the task, one-hot."""

import numpy as np
import scipy.sparse
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold
from torch import nn

from quickstudy.ladder.rungs.logistics import FOLDS, INVERSE_PENALTIES
from quickstudy.ladder.rungs.rung import AdaptingRung
from quickstudy.learners import LogisticPrior
from quickstudy.tasks import TableTasks


class OneHotLogistic(AdaptingRung):
    """Logistic regression that sees the task: a column of zeros and ones for each.

    The penalty is chosen by threefold cross-validation of the rows. A new task has none of the
    columns. Its intercepts are estimated from its rows with the same penalty, the features' weights
    as they are; without rows they are 0. The probabilities are moderated by how uncertain these
    intercepts are (:class:`~quickstudy.LogisticPrior`).
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
        inverse = _inverse(x, y, seed)
        model = _model(inverse).fit(x, y)
        self.learner = self._prior(model, inverse, train)

    def _prior(self, model: LogisticRegression, inverse: float, train: TableTasks) -> LogisticPrior:
        """Give the regression as a prior: intercepts of variance ``C``, slopes without variance."""
        features = train.x.shape[1]
        learner = LogisticPrior(nn.Identity(), train.target.scores, embedding_size=features)
        weights = np.column_stack([model.coef_[:, :features], model.intercept_])
        if len(weights) == 1:
            # one weight vector for two classes is ± its half, of a quarter of the variance twice
            weights, inverse = np.concatenate([-weights, weights]) / 2, inverse / 2
        with torch.no_grad():
            learner.mean.zero_()
            # a class that no row has stays improbable
            learner.mean[:, -1] = -20.0
            learner.mean[model.classes_] = torch.from_numpy(weights).to(learner.mean.dtype)
            learner.factor.zero_()
            learner.factor[:, -1, -1] = inverse**0.5
        return learner.to(train.x.dtype)


def _columns(train: TableTasks) -> scipy.sparse.csr_matrix:
    """Put the tasks' columns behind the features ``[row, feature + task]``."""
    rows = len(train.x)
    shape = (rows, len(train.names))
    one_hot = scipy.sparse.csr_matrix((np.ones(rows), (np.arange(rows), train.task)), shape)
    features = scipy.sparse.csr_matrix(train.x.double().numpy())
    return scipy.sparse.hstack([features, one_hot]).tocsr()


def _inverse(x: scipy.sparse.csr_matrix, y: NDArray[np.int64], seed: int) -> float:
    """Choose the inverse penalty of the least log-loss of rows that were left out."""
    losses = dict.fromkeys(INVERSE_PENALTIES, 0.0)
    folds = KFold(FOLDS, shuffle=True, random_state=seed).split(y) if len(y) >= FOLDS else ()
    for seen, held in folds:
        for inverse in INVERSE_PENALTIES:
            losses[inverse] += _loss(_model(inverse), x, y, seen, held)
    return min(losses, key=lambda inverse: losses[inverse])


def _loss(
    model: LogisticRegression,
    x: scipy.sparse.csr_matrix,
    y: NDArray[np.int64],
    seen: NDArray[np.int64],
    held: NDArray[np.int64],
) -> float:
    """Fit to the rows ``seen``, and sum the log-loss of those ``held`` whose class was seen."""
    if len(np.unique(y[seen])) < 2:
        return 0.0
    model.fit(x[seen], y[seen])
    known = held[np.isin(y[held], model.classes_)]
    if not len(known):
        return 0.0
    found = model.predict_proba(x[known])
    return float(log_loss(y[known], found, normalize=False, labels=model.classes_))


def _model(inverse: float) -> LogisticRegression:
    return LogisticRegression(C=inverse, max_iter=1000)


__all__ = ["OneHotLogistic"]
