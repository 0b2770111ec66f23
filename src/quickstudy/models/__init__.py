"""What is learned: plain modules."""

from torch import nn

from quickstudy.describe import register
from quickstudy.models.conv4 import Conv4
from quickstudy.models.cross_stitch import CrossStitch
from quickstudy.models.layered_experts import LayeredExperts
from quickstudy.models.mixture_of_experts import MixtureOfExperts
from quickstudy.models.mlp import MLP
from quickstudy.models.multi_target import MultiTarget
from quickstudy.models.powers import Powers

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

for _model in MODELS.values():
    register(_model)
register(nn.Identity, arguments=())

__all__ = [
    "MLP",
    "MODELS",
    "Conv4",
    "CrossStitch",
    "LayeredExperts",
    "MixtureOfExperts",
    "MultiTarget",
    "Powers",
]
