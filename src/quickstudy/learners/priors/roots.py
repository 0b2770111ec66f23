"""Cholesky factors of an identity and a matrix, as posteriors in whitened units have them."""

import torch
from torch import Tensor


def identity(like: Tensor) -> Tensor:
    """Return the identity of the size of the last axis of ``like``, on its device."""
    return torch.eye(like.shape[-1], dtype=like.dtype, device=like.device)


def root_beside_one(matrix: Tensor) -> Tensor:
    """Return the lower Cholesky factor of the identity plus ``matrix`` ``[..., n, n]``.

    It is ``R`` with ``R Rᵀ = I + M``.
    """
    root: Tensor = torch.linalg.cholesky(identity(matrix) + matrix)
    return root


__all__ = ["identity", "root_beside_one"]
