"""Networks of a user's own, named by import path in the tests."""

from typing import Any

import torch
from torch import Tensor, nn


class Net(nn.Module):
    """A network of images that is sized by its arguments."""

    def __init__(self, way: int | None, in_channels: int = 1, width: int = 4) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(in_channels, width, 3), nn.BatchNorm2d(width), nn.AdaptiveAvgPool2d(1)
        )
        self.flatten = nn.Flatten()
        self.head = nn.Identity() if way is None else nn.Linear(width, way)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.flatten(self.body(x)))


class Backbone(nn.Module):
    """A network of a fixed form that says the length of its embeddings."""

    embedding_size = 6

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 6, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        return self.drop(self.body(x))


class Silent(nn.Module):
    """A network of a fixed form that says nothing."""

    def __init__(self, size: int = 5) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.LazyLinear(size))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Named(nn.Module):
    """Its output is no tensor."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"logits": x}


class Tokens(nn.Module):
    """A network of token ids."""

    def __init__(self, num_classes: int, vocabulary: int = 10) -> None:
        super().__init__()
        self.embedding = nn.EmbeddingBag(vocabulary, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.embedding(x)


class Pixelwise(nn.Module):
    """Maps at full size that say their channels."""

    feature_channels = 7

    def __init__(self, in_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(in_channels, 7, 3, stride, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.convolution(x)


class Swapped(nn.Module):
    """Mixes up examples and classes."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, x: Tensor) -> Tensor:
        return x.new_zeros(self.outputs, len(x))


def function(way: int, **options: Any) -> nn.Module:
    """A function that makes a network."""
    return Net(way, **options)


def no_module() -> dict[str, Tensor]:
    return {"weight": torch.zeros(2)}


NUMBER = 3
