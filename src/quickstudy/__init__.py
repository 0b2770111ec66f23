"""quickstudy: learning to learn across many related tasks.

>>> import quickstudy as qs
>>> tasks = qs.tasks.Sinusoid().episodes(shot=5, query=5)
>>> learner = qs.MAML(qs.models.MLP(inputs=1, outputs=1), inner_lr=0.01)
>>> qs.fit(learner, tasks, steps=2, tasks_per_step=4, progress=False).step
2
"""

from typing import TYPE_CHECKING, Any

from quickstudy import balance, bilevel, models, relatedness, targets, tasks
from quickstudy.episode import Batch, Episode
from quickstudy.errors import TrainingError, UserError
from quickstudy.learners import (
    ANIL,
    CAVIA,
    FOMAML,
    IMAML,
    MAML,
    MANN,
    R2D2,
    Adapted,
    Finetune,
    Generator,
    HardSharing,
    Learner,
    LinearPrior,
    LogisticPrior,
    MatchingNet,
    MetaLSTM,
    MetaSGD,
    MixedPrior,
    PartialSharing,
    ProtoNet,
    RelationNet,
    Reptile,
    Siamese,
    SoftSharing,
)
from quickstudy.random import Moment, generator
from quickstudy.training import (
    Comparison,
    Estimate,
    Evaluation,
    Fitted,
    compare,
    evaluate,
    export,
    fit,
    frozen_tasks,
    load,
    load_adapted,
    save_adapted,
)

if TYPE_CHECKING:
    from quickstudy.estimators import FewShotClassifier, MultiTaskClassifier, MultiTaskRegressor

__version__ = "0.1.0"
__all__ = [
    "ANIL",
    "CAVIA",
    "FOMAML",
    "IMAML",
    "MAML",
    "MANN",
    "R2D2",
    "Adapted",
    "Batch",
    "Comparison",
    "Episode",
    "Estimate",
    "Evaluation",
    "FewShotClassifier",
    "Finetune",
    "Fitted",
    "Generator",
    "HardSharing",
    "Learner",
    "LinearPrior",
    "LogisticPrior",
    "MatchingNet",
    "MetaLSTM",
    "MetaSGD",
    "MixedPrior",
    "Moment",
    "MultiTaskClassifier",
    "MultiTaskRegressor",
    "PartialSharing",
    "ProtoNet",
    "RelationNet",
    "Reptile",
    "Siamese",
    "SoftSharing",
    "TrainingError",
    "UserError",
    "balance",
    "bilevel",
    "compare",
    "evaluate",
    "export",
    "fit",
    "frozen_tasks",
    "generator",
    "load",
    "load_adapted",
    "models",
    "relatedness",
    "save_adapted",
    "targets",
    "tasks",
]


def __getattr__(name: str) -> Any:
    """The estimators, when they are asked for: scikit-learn takes as long to import as the rest."""
    if name in ("FewShotClassifier", "MultiTaskClassifier", "MultiTaskRegressor"):
        from quickstudy import estimators

        return getattr(estimators, name)
    raise AttributeError(f"module 'quickstudy' has no attribute {name!r}")
