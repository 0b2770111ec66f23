"""The meta-trained learner of a few-shot classifier, and the inputs that it takes."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data
from torch import Tensor, nn

from quickstudy.errors import require
from quickstudy.estimators.rows import checked
from quickstudy.learners import ANIL, R2D2, Learner, MatchingNet, ProtoNet
from quickstudy.models import MLP, Conv4
from quickstudy.tasks.encoder import Encoder

FewShotMethod = Literal["protonet", "matching", "r2d2", "anil"]


class ClassLearner:
    """A meta-trained learner, and the encoder that makes its inputs of rows.

    Attributes:
        learner: Serves any number of classes.
        encoder: Turns columns into features; None for images.
    """

    def __init__(self, learner: Learner, encoder: Encoder | None) -> None:
        self.learner, self.encoder = learner, encoder

    def inputs(self, estimator: BaseEstimator, X: Any) -> Tensor:
        """Check and encode ``X`` ``[row, *feature]``."""
        return inputs_of(estimator, X, self.encoder)


def default_network(x: Tensor, outputs: int | None, seed: int) -> nn.Module:
    """Make a network for vectors or images as ``x``; without ``outputs`` it gives embeddings."""
    make = _mlp if x.ndim == 2 else _conv4
    return make(x, outputs, seed)


def _mlp(x: Tensor, outputs: int | None, seed: int) -> nn.Module:
    return MLP(x.shape[1], outputs, hidden=(64, 64), seed=seed)


def _conv4(x: Tensor, outputs: int | None, seed: int) -> nn.Module:
    return Conv4(outputs, in_channels=x.shape[1], image_size=x.shape[2], seed=seed)


def _anil(model: nn.Module) -> Learner:
    return ANIL(model, inner_lr=0.5, inner_steps=5, test_steps=20, shared_head=True)


LEARNER_OF: dict[str, Callable[[nn.Module], Learner]] = {
    "protonet": ProtoNet,
    "matching": MatchingNet,
    "r2d2": R2D2,
    "anil": _anil,
}
"""The learner of every method, made of a network."""


def learner_maker(method: str) -> Callable[[nn.Module], Learner]:
    """Give the function that makes a learner of ``method`` of a network.

    Raises:
        UserError: If there is no such method.
    """
    require(
        method in LEARNER_OF,
        f"Parameter `method` should be one of {', '.join(LEARNER_OF)}. Found {method!r}.",
    )
    return LEARNER_OF[method]


def inputs_of(
    estimator: BaseEstimator, X: Any, encoder: Encoder | None, fitting: bool = False
) -> Tensor:
    """Make a tensor of ``X`` ``[row, *feature]``.

    Vectors are encoded, in double precision. Images stay as they are; bytes become parts of 1.
    """
    first = fitting or not hasattr(estimator, "n_features_in_")
    if encoder is None:
        return _images(estimator, X, first)
    frame, _ = checked(estimator, X, fitting=first)
    return torch.from_numpy(encoder(frame)).double()


def _images(estimator: BaseEstimator, X: Any, fitting: bool) -> Tensor:
    """Check square images ``[row, channel, height, width]``, and make a tensor of them."""
    raw = np.asarray(X)
    found = validate_data(estimator, raw, reset=fitting, allow_nd=True, dtype="numeric")
    _check_square(found.shape)
    return torch.from_numpy(found).float() / (255 if raw.dtype == np.uint8 else 1)


def _check_square(shape: tuple[int, ...]) -> None:
    """Raise unless ``shape`` is one of square images."""
    require(
        len(shape) == 4 and shape[2] == shape[3],
        "`X` should be vectors [row, feature], or square images [row, channel, height, "
        f"width]. Found shape {shape}.",
    )


def is_table(X: Any) -> bool:
    """Say whether ``X`` holds vectors, not images."""
    return isinstance(X, pd.DataFrame) or np.asarray(X).ndim <= 2


__all__ = [
    "ClassLearner",
    "FewShotMethod",
    "default_network",
    "inputs_of",
    "is_table",
    "learner_maker",
]
