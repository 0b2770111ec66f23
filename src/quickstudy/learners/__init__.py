"""How a task makes a loss: one file an algorithm."""

from quickstudy.learners.finetune import Finetune
from quickstudy.learners.fomaml import FOMAML
from quickstudy.learners.gradient import GradientLearner
from quickstudy.learners.learner import Adapted, Learner
from quickstudy.learners.maml import MAML
from quickstudy.learners.protonet import ProtoNet
from quickstudy.learners.reptile import Reptile

LEARNERS: dict[str, type[Learner]] = {
    "maml": MAML,
    "fomaml": FOMAML,
    "reptile": Reptile,
    "protonet": ProtoNet,
    "finetune": Finetune,
}
"""The learners known by name: to the command line, to checkpoints, and to the battery of laws."""

__all__ = ["FOMAML", "LEARNERS", "MAML", "Adapted", "Finetune", "GradientLearner", "Learner", "ProtoNet", "Reptile"]
