"""Training, evaluation and comparison, and the files that they save."""

from quickstudy.training.baselines import Baselines
from quickstudy.training.checkpoint import describe_adapted, load, load_adapted, save_adapted
from quickstudy.training.compare import Comparison, compare
from quickstudy.training.estimate import Estimate
from quickstudy.training.evaluate import Evaluation, evaluate
from quickstudy.training.export import export
from quickstudy.training.frozen import frozen_tasks
from quickstudy.training.run import Fitted
from quickstudy.training.train import fit, train
from quickstudy.training.trained import Trained

__all__ = [
    "Baselines",
    "Comparison",
    "Estimate",
    "Evaluation",
    "Fitted",
    "Trained",
    "compare",
    "describe_adapted",
    "evaluate",
    "export",
    "fit",
    "frozen_tasks",
    "load",
    "load_adapted",
    "save_adapted",
    "train",
]
