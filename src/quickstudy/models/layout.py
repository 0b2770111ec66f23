"""The memory layout in which CPUs convolve fastest."""

import torch
from torch import nn


def channels_last(model: nn.Module, kind: type[nn.Conv2d] = nn.Conv2d) -> None:
    """Put the weights of the convolutions of ``model`` into channels-last order, in place.

    Args:
        model: Any module.
        kind: The class of the convolutions. Its subclasses are left, which may use their weights in
            another way.
    """
    for module in model.modules():
        if type(module) is kind:
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last)


__all__ = ["channels_last"]
