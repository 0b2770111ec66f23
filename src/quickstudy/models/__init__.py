"""What is learned: plain modules."""

from torch import nn

from quickstudy.models.conv4 import Conv4
from quickstudy.models.cross_stitch import CrossStitch
from quickstudy.models.frozen import Frozen
from quickstudy.models.layered_experts import LayeredExperts
from quickstudy.models.mixture_of_experts import MixtureOfExperts
from quickstudy.models.mlp import MLP
from quickstudy.models.multi_target import MultiTarget
from quickstudy.models.powers import Powers
from quickstudy.models.with_head import WithHead

MODELS: dict[str, type[nn.Module]] = {
    "conv4": Conv4,
    "mlp": MLP,
    "multi_target": MultiTarget,
    "powers": Powers,
    "mixture_of_experts": MixtureOfExperts,
    "layered_experts": LayeredExperts,
    "cross_stitch": CrossStitch,
}
"""The models known by name, to the command line and to checkpoints."""

__all__ = [
    "MLP",
    "MODELS",
    "Conv4",
    "CrossStitch",
    "Frozen",
    "LayeredExperts",
    "MixtureOfExperts",
    "MultiTarget",
    "Powers",
    "WithHead",
]
