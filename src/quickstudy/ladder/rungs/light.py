"""LightGBM that sees the task, if it is installed."""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from quickstudy.ladder.rungs.boosting import TaskBoosting, TreeChoice
from quickstudy.ladder.rungs.task_column import Rows, TaskFeatures

LIBRARY = "lightgbm"
SETTINGS = {"learning_rate": 0.1, "verbosity": -1, "random_state": 0, "n_jobs": 1}


class LightBoosting(TaskBoosting):
    """Gradient boosting of LightGBM, which sees the task."""

    name = "LightGBM that sees the task"
    # LightGBM has no limit
    most_codes = 10_000

    def boosted(self, features: TaskFeatures, choice: TreeChoice) -> Any:
        """Grow the trees."""
        library = import_module(LIBRARY)
        rows, category = features.rows, features.category
        make = library.LGBMClassifier if rows.way else library.LGBMRegressor
        least = max(1, min(20, len(rows.y) // 10))
        size = {"n_estimators": choice.trees, "num_leaves": choice.leaves}
        model = make(min_child_samples=least, **size, **SETTINGS)
        return model.fit(
            features.x, rows.y, categorical_feature=[] if category is None else [category]
        )

    def stages(self, model: Any, x: Rows) -> Iterator[Rows]:
        """Predict after every tree."""
        ask = getattr(model, "predict_proba", model.predict)
        return (ask(x, num_iteration=trees) for trees in range(1, model.n_estimators + 1))


def is_installed() -> bool:
    """Say whether LightGBM can be imported."""
    return find_spec(LIBRARY) is not None


__all__ = ["LightBoosting", "is_installed"]
