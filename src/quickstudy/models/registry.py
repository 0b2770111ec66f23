"""Models by name: the library's, timm's and the user's."""

import inspect
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from torch import nn

from quickstudy.errors import UserError, require
from quickstudy.models.conv4 import Conv4
from quickstudy.models.cross_stitch import CrossStitch
from quickstudy.models.expansion import Expansion
from quickstudy.models.frozen import Frozen
from quickstudy.models.layered_experts import LayeredExperts
from quickstudy.models.mixture_of_experts import MixtureOfExperts
from quickstudy.models.mlp import MLP
from quickstudy.models.multi_target import MultiTarget
from quickstudy.models.powers import Powers
from quickstudy.models.request import FILLED
from quickstudy.models.resnet10 import ResNet10
from quickstudy.models.resnet12 import ResNet12
from quickstudy.models.unet import UNet
from quickstudy.models.with_head import WithHead
from quickstudy.names import imported

Factory = Callable[..., nn.Module]
"""A class of modules, or a function that makes one."""

MODELS: dict[str, type[nn.Module]] = {
    "conv4": Conv4,
    "resnet10": ResNet10,
    "resnet12": ResNet12,
    "unet": UNet,
    "mlp": MLP,
    "powers": Powers,
    "expansion": Expansion,
    "multi_target": MultiTarget,
    "mixture_of_experts": MixtureOfExperts,
    "layered_experts": LayeredExperts,
    "cross_stitch": CrossStitch,
    "with_head": WithHead,
    "frozen": Frozen,
}
"""The models known by name, to the command line and to checkpoints."""


def model_factory(name: str) -> Factory:
    """Find the class or function that makes the model ``name``.

    Args:
        name: A name of :data:`MODELS`, an import path ``package.module:Class``, or a name that timm
            knows, if timm is installed. An import path is code that will be run: it should come
            from the user who calls, never from a file.

    Raises:
        UserError: If nothing of the name is found.
    """
    if name in MODELS:
        return MODELS[name]
    return _of_user(name) if ":" in name else _of_timm(name)


def model_options(name: str) -> dict[str, inspect.Parameter]:
    """Give the options of the model ``name``: its constructor's parameters by name.

    Parameters that :func:`~quickstudy.models.make_model` fills from the data are left out.
    """
    parameters = inspect.signature(model_factory(name)).parameters
    return {key: value for key, value in parameters.items() if key not in FILLED}


def _of_user(path: str) -> Factory:
    """Import the class or function that the user names."""
    with _current_folder():
        found: Factory = imported(path)
    require(callable(found), f"Model {path!r} should be a class. Found {type(found).__name__}.")
    return found


@contextmanager
def _current_folder() -> Iterator[None]:
    """Let modules of the current folder be imported inside, if no other has their name."""
    before = list(sys.path)
    sys.path.append(os.getcwd())
    try:
        yield
    finally:
        sys.path[:] = before


def _of_timm(name: str) -> Factory:
    """Give the function that makes timm's model ``name``."""
    known = (
        f"Parameter `model` should be one of {', '.join(MODELS)}, an import path "
        f"package.module:Class, or a name of timm. Found {name!r}"
    )
    try:
        timm: Any = import_module("timm")
    except (ImportError, RuntimeError) as error:  # torchvision's operators raise the latter
        raise UserError(f"{known}; timm cannot be imported here (pip install timm).") from error
    require(timm.is_model(name), f"{known}, which timm does not know.")
    return _made_by(timm.create_model, name)


def _made_by(create_model: Factory, name: str) -> Factory:
    """Give a function that makes timm's model ``name``, with ``maps`` in place of its pooling."""

    def make(
        in_chans: int = 3, num_classes: int = 0, maps: bool = False, **options: Any
    ) -> nn.Module:
        if maps:
            options = {"global_pool": "", **options}
        return create_model(
            name, pretrained=False, in_chans=in_chans, num_classes=num_classes, **options
        )

    return make


__all__ = ["MODELS", "Factory", "model_factory", "model_options"]
