"""The scikit-learn face: estimators that learn from many tasks, and adapt to a new one."""

from quickstudy.estimators.adapted import AdaptedClassifier, AdaptedRegressor
from quickstudy.estimators.crossed import CrossedRegressor
from quickstudy.estimators.few_shot import AdaptedFewShotClassifier, FewShotClassifier
from quickstudy.estimators.multi_task import MultiTaskClassifier, MultiTaskRegressor

__all__ = [
    "AdaptedClassifier",
    "AdaptedFewShotClassifier",
    "AdaptedRegressor",
    "CrossedRegressor",
    "FewShotClassifier",
    "MultiTaskClassifier",
    "MultiTaskRegressor",
]
