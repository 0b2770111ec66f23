"""LightGBM that sees the task, where it is installed."""

from importlib.util import find_spec
from typing import Any

import numpy as np

from quickstudy.ladder.rungs.boosting import Rows, Size, TaskBoosting

SETTINGS = {"learning_rate": 0.1, "verbosity": -1, "random_state": 0, "n_jobs": 1}


class LightBoosting(TaskBoosting):
    """LightGBM, with the task as a categorical feature; see :class:`TaskBoosting`."""

    name = "LightGBM that sees the task"
    # it has no limit of its own
    most_codes = 10_000

    def boosted(self, x: Rows, y: Rows, size: Size, way: int, category: int | None) -> Any:
        """Fit; the column ``category`` holds categories."""
        from lightgbm import LGBMClassifier, LGBMRegressor

        model = (LGBMClassifier if way else LGBMRegressor)(
            n_estimators=size.trees,
            num_leaves=size.leaves,
            min_child_samples=max(1, min(20, len(y) // 10)),
            **SETTINGS,
        )
        return model.fit(x, y, categorical_feature=[] if category is None else [category])

    def staged(self, model: Any, x: Rows, y: Rows, way: int) -> list[float]:
        """Give the squared error, or the log-loss, after every tree."""
        trees = range(1, model.n_estimators + 1)
        if not way:
            return [float(((model.predict(x, num_iteration=n) - y) ** 2).mean()) for n in trees]
        known = np.isin(y, model.classes_)
        place = np.searchsorted(model.classes_, y[known])
        losses = []
        for trees_used in trees:
            found = model.predict_proba(x[known], num_iteration=trees_used)
            losses.append(float(-np.log(found[np.arange(len(place)), place] + 1e-12).mean()))
        return losses


def is_installed() -> bool:
    """Say whether LightGBM can be imported."""
    return find_spec("lightgbm") is not None


__all__ = ["LightBoosting", "is_installed"]
