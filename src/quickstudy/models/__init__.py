"""Networks that are learned: plain modules.

:mod:`quickstudy.models.protocol` lists the attributes by which a module says its inputs and
outputs; :func:`make_model` makes one by name, of the size of the data.
"""

from torch import nn

from quickstudy.describe import register
from quickstudy.models.conv4 import Conv4
from quickstudy.models.cross_stitch import CrossStitch
from quickstudy.models.drop_block import DropBlock
from quickstudy.models.expansion import Expansion
from quickstudy.models.frozen import Frozen
from quickstudy.models.layered_experts import LayeredExperts
from quickstudy.models.make import make_model
from quickstudy.models.mixture_of_experts import MixtureOfExperts
from quickstudy.models.mlp import MLP
from quickstudy.models.multi_target import MultiTarget
from quickstudy.models.powers import Powers
from quickstudy.models.protocol import Traits, traits
from quickstudy.models.registry import MODELS, model_factory, model_options
from quickstudy.models.resnet10 import ResNet10
from quickstudy.models.resnet12 import ResNet12
from quickstudy.models.unet import UNet
from quickstudy.models.with_head import WithHead

for _model in MODELS.values():
    register(_model)
register(nn.Identity, arguments=())

__all__ = [
    "MLP",
    "MODELS",
    "Conv4",
    "CrossStitch",
    "DropBlock",
    "Expansion",
    "Frozen",
    "LayeredExperts",
    "MixtureOfExperts",
    "MultiTarget",
    "Powers",
    "ResNet10",
    "ResNet12",
    "Traits",
    "UNet",
    "WithHead",
    "make_model",
    "model_factory",
    "model_options",
    "traits",
]
