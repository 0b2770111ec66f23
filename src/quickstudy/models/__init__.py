"""What is learned: plain modules."""

from torch import nn

from quickstudy.models.conv4 import Conv4
from quickstudy.models.mlp import MLP
from quickstudy.models.multi_target import MultiTarget
from quickstudy.models.powers import Powers

MODELS: dict[str, type[nn.Module]] = {"conv4": Conv4, "mlp": MLP, "multi_target": MultiTarget, "powers": Powers}
"""The models known by name, to the command line and to checkpoints."""

__all__ = ["MLP", "MODELS", "Conv4", "MultiTarget", "Powers"]
