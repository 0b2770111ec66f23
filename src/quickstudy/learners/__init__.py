"""Learners, which make the loss of a task: one file an algorithm."""

from typing import Any

from quickstudy.describe import register
from quickstudy.learners import outer, parts, steps
from quickstudy.learners.anil import ANIL
from quickstudy.learners.assembled import Assembled
from quickstudy.learners.boil import BOIL
from quickstudy.learners.cavia import CAVIA
from quickstudy.learners.embedding import EmbeddingLearner
from quickstudy.learners.finetune import Finetune
from quickstudy.learners.fomaml import FOMAML
from quickstudy.learners.generator import Generator
from quickstudy.learners.gradient import GradientLearner
from quickstudy.learners.hard_sharing import HardSharing
from quickstudy.learners.imaml import IMAML
from quickstudy.learners.initialisation import InitialisationLearner
from quickstudy.learners.learner import Adapted, Learner
from quickstudy.learners.linear_prior import LinearPrior
from quickstudy.learners.logistic_prior import LogisticPrior
from quickstudy.learners.maml import MAML
from quickstudy.learners.mann import MANN
from quickstudy.learners.matching import MatchingNet
from quickstudy.learners.metalstm import MetaLSTM
from quickstudy.learners.metasgd import MetaSGD
from quickstudy.learners.mixed_prior import MixedPrior
from quickstudy.learners.partial_sharing import PartialSharing
from quickstudy.learners.protonet import ProtoNet
from quickstudy.learners.r2d2 import R2D2
from quickstudy.learners.relation import RelationNet
from quickstudy.learners.reptile import Reptile
from quickstudy.learners.sharing import SharingLearner
from quickstudy.learners.siamese import Siamese
from quickstudy.learners.soft_sharing import SoftSharing

LEARNERS: dict[str, type[Learner]] = {
    "maml": MAML,
    "fomaml": FOMAML,
    "imaml": IMAML,
    "anil": ANIL,
    "boil": BOIL,
    "metasgd": MetaSGD,
    "cavia": CAVIA,
    "metalstm": MetaLSTM,
    "reptile": Reptile,
    "protonet": ProtoNet,
    "matching": MatchingNet,
    "relation": RelationNet,
    "siamese": Siamese,
    "r2d2": R2D2,
    "mann": MANN,
    "linear_prior": LinearPrior,
    "logistic_prior": LogisticPrior,
    "mixed_prior": MixedPrior,
    "hard_sharing": HardSharing,
    "partial_sharing": PartialSharing,
    "soft_sharing": SoftSharing,
    "generator": Generator,
    "finetune": Finetune,
}
"""The learners known by name: to the command line, to checkpoints, and to the battery of laws."""

_ROOMS: dict[str, tuple[type[Any], ...]] = {
    "parts": (
        *(parts.All, parts.Body, parts.Context, parts.Embedding, parts.Head, parts.Named),
        *(parts.NewHead, parts.Offsets),
    ),
    "steps": (
        *(steps.Descent, steps.Proposal, steps.EntryRates, steps.StepRates, steps.StepNorms),
    ),
    "outer": (outer.Displacement, outer.QueryLoss),
}
_NAMED: tuple[type[Any], ...] = (*LEARNERS.values(), Assembled)
for _learner in _NAMED:
    register(_learner)
for _room, _kinds in _ROOMS.items():
    for _kind in _kinds:
        register(_kind, f"{_room}.{_kind.__name__}")
register(outer.Supervised, "outer.Supervised")

__all__ = [
    "ANIL",
    "BOIL",
    "CAVIA",
    "FOMAML",
    "IMAML",
    "LEARNERS",
    "MAML",
    "MANN",
    "R2D2",
    "Adapted",
    "Assembled",
    "EmbeddingLearner",
    "Finetune",
    "Generator",
    "GradientLearner",
    "HardSharing",
    "InitialisationLearner",
    "Learner",
    "LinearPrior",
    "LogisticPrior",
    "MatchingNet",
    "MetaLSTM",
    "MetaSGD",
    "MixedPrior",
    "PartialSharing",
    "ProtoNet",
    "RelationNet",
    "Reptile",
    "SharingLearner",
    "Siamese",
    "SoftSharing",
]
