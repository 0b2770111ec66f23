"""The memory layout in which CPUs convolve fastest."""

import torch
from torch import nn

FEWEST = 16
"""The fewest channels with which a strided 1×1 convolution is right in channels-last order."""


def channels_last(model: nn.Module, kind: type[nn.Conv2d] = nn.Conv2d) -> None:
    """Put the weights of the convolutions of ``model`` into channels-last order, in place.

    A model with a strided 1×1 convolution of fewer than 16 channels stays as it is. In oneDNN 3.12
    the backward pass of such a convolution writes past its memory if its input is in channels-last
    order (https://github.com/uxlfoundation/oneDNN/issues/6035). Its input comes in this order from
    any convolution before it whose weights are in this order, so all of them stay contiguous.

    Args:
        model: Any module.
        kind: The class of the convolutions. Its subclasses are left, which may use their weights in
            another way.
    """
    convolutions = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    if any(map(_is_unsafe, convolutions)):
        return
    for module in convolutions:
        if type(module) is kind:
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last)


def _is_unsafe(convolution: nn.Conv2d) -> bool:
    """Say whether oneDNN corrupts memory in the backward pass of a convolution, channels last."""
    strided = max(convolution.stride) > 1 and convolution.kernel_size == (1, 1)
    return strided and min(convolution.in_channels, convolution.out_channels) < FEWEST


__all__ = ["channels_last"]
