"""The memory layout in which a CPU convolves twice as fast."""

import torch
from torch import nn


def channels_last(model: nn.Module) -> None:
    """Put the weights of every plain ``nn.Conv2d`` of ``model`` into channels-last order, in place; their values stay."""
    for module in model.modules():
        if type(module) is nn.Conv2d:  # a subclass may take its weights apart
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last)
