"""quickstudy: learning to learn across many related tasks."""

from quickstudy import models, tasks
from quickstudy.episode import Batch, Episode
from quickstudy.errors import UserError
from quickstudy.learners import FOMAML, MAML, Finetune, Learner, ProtoNet, Reptile
from quickstudy.random import generator

__version__ = "0.1.0"
__all__ = [
    "FOMAML", "MAML", "Batch", "Episode", "Finetune", "Learner", "ProtoNet", "Reptile", "UserError", "generator", "models", "tasks",
]
