"""Learning to learn across many related tasks.

>>> import quickstudy as qs
>>> tasks = qs.tasks.Sinusoid().episodes(shot=5, query=5)
>>> learner = qs.MAML(qs.models.MLP(inputs=1, outputs=1), inner_lr=0.01)
>>> qs.train(learner, tasks, steps=2, tasks_per_step=4, progress=False).step
2
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quickstudy import balance, bilevel, models, relatedness, targets, tasks
    from quickstudy.describe import register
    from quickstudy.episode import Batch, Episode
    from quickstudy.errors import TrainingError, UserError
    from quickstudy.estimators import (
        CrossedRegressor,
        FewShotClassifier,
        MultiTaskClassifier,
        MultiTaskRegressor,
    )
    from quickstudy.learners import (
        ANIL,
        BOIL,
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
    from quickstudy.reporting.report import report
    from quickstudy.training.checkpoint import load, load_adapted, save_adapted
    from quickstudy.training.compare import Comparison, compare
    from quickstudy.training.evaluate import Estimate, Evaluation, evaluate, frozen_tasks
    from quickstudy.training.export import export
    from quickstudy.training.run import Fitted
    from quickstudy.training.train import fit, train

__version__ = "0.1.0"

_PLACES = {
    "describe": ("register",),
    "episode": (
        "Batch",
        "Episode",
    ),
    "errors": (
        "TrainingError",
        "UserError",
    ),
    "estimators": (
        "CrossedRegressor",
        "FewShotClassifier",
        "MultiTaskClassifier",
        "MultiTaskRegressor",
    ),
    "learners": (
        "ANIL",
        "Adapted",
        "BOIL",
        "CAVIA",
        "FOMAML",
        "Finetune",
        "Generator",
        "HardSharing",
        "IMAML",
        "Learner",
        "LinearPrior",
        "LogisticPrior",
        "MAML",
        "MANN",
        "MatchingNet",
        "MetaLSTM",
        "MetaSGD",
        "MixedPrior",
        "PartialSharing",
        "ProtoNet",
        "R2D2",
        "RelationNet",
        "Reptile",
        "Siamese",
        "SoftSharing",
    ),
    "random": (
        "Moment",
        "generator",
    ),
    "reporting": ("report",),
    "training": (
        "Comparison",
        "Estimate",
        "Evaluation",
        "Fitted",
        "compare",
        "evaluate",
        "export",
        "fit",
        "frozen_tasks",
        "load",
        "load_adapted",
        "save_adapted",
        "train",
    ),
}
"""The public names of each module, which is imported at the first use of one of them."""
_MODULE_OF = {name: module for module, names in _PLACES.items() for name in names}
_ROOMS = (
    *("balance", "bilevel", "describe", "estimators", "ladder", "learners", "models", "random"),
    *("relatedness", "reporting", "targets", "tasks", "training"),
)
__all__ = [
    "ANIL",
    "BOIL",
    "CAVIA",
    "FOMAML",
    "IMAML",
    "MAML",
    "MANN",
    "R2D2",
    "Adapted",
    "Batch",
    "Comparison",
    "CrossedRegressor",
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
    "register",
    "relatedness",
    "report",
    "save_adapted",
    "targets",
    "tasks",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import a name at its first use: torch, pandas and scikit-learn take seconds."""
    if name in _ROOMS:
        return import_module(f"quickstudy.{name}")
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'quickstudy' has no attribute {name!r}")
    found = getattr(import_module(f"quickstudy.{_MODULE_OF[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*__all__, *_ROOMS])
