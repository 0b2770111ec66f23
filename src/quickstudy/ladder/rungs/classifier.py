"""Classifiers of scikit-learn that allow absent classes."""

from functools import partial
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold

from quickstudy.ladder.rungs.logistics import FOLDS, INVERSE_PENALTIES, PENALTY
from quickstudy.ladder.rungs.task_column import Rows


class Classifier:
    """Probabilities of all classes, from rows that may lack some.

    With ``n`` rows, ``p`` the probabilities of the model and ``base`` the frequencies among all
    training tasks: ``(n p + base) / (n + 1)``, as if one further row, drawn from the base
    frequencies, had been seen. A class does not become impossible because ``n`` rows lack it.

    Args:
        make: ``"frequencies"`` of the classes, ``"linear"`` or ``"boosting"``.
        x: Features ``[row, feature]``.
        y: Class indices ``[row]``.
        base: The frequencies of all classes ``[class]``.
    """

    def __init__(self, make: str, x: Rows, y: Rows, base: Rows) -> None:
        self.base, self.rows = base, len(y)
        self.frequencies = frequencies(y, len(base))
        alone = make == "frequencies" or self.frequencies.max(initial=0.0) in (0.0, 1.0)
        self.model = None if alone else _model(make, x, y).fit(x, y)

    def probabilities(self, x: Rows) -> Rows:
        """Give the probabilities ``[row, class]`` of the rows ``x`` ``[row, feature]``."""
        found = np.tile(self.frequencies, (len(x), 1))
        if self.model is not None and len(x):
            found[:] = 0
            found[:, self.model.classes_] = self.model.predict_proba(x)
        return (self.rows * found + self.base) / (self.rows + 1)


def _model(make: str, x: Rows, y: Rows) -> Any:
    """Make a classifier.

    If every class has three rows, cross-validation chooses the penalty of a linear classifier.
    """
    if make == "boosting":
        least = min(10, len(y) // 3)
        return HistGradientBoostingClassifier(max_iter=50, max_leaf_nodes=4, min_samples_leaf=least)
    if min(count for count in np.bincount(y) if count) < FOLDS:
        return _linear(PENALTY)
    return _linear(min(INVERSE_PENALTIES, key=partial(_held_out, x, y)))


def _held_out(x: Rows, y: Rows, inverse: float) -> float:
    """Sum the log-loss of rows that were left out."""
    folds = StratifiedKFold(FOLDS).split(x, y)
    return sum(_loss(_linear(inverse).fit(x[seen], y[seen]), x[new], y[new]) for seen, new in folds)


def frequencies(y: Rows, way: int) -> Rows:
    """Give the frequency of every class in ``y`` ``[row]``: ``[class]``."""
    return np.bincount(y, minlength=way) / max(1, len(y))


def _linear(inverse: float) -> LogisticRegression:
    return LogisticRegression(C=inverse, max_iter=1000)


def _loss(model: LogisticRegression, x: Rows, y: Rows) -> float:
    """Sum the log-loss; a probability that rounds to 0 has a large, finite cost."""
    return float(log_loss(y, model.predict_proba(x), normalize=False, labels=model.classes_))


__all__ = ["Classifier", "frequencies"]
