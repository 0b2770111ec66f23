"""The trace norm, shared out over the rows of a matrix."""

import torch
from torch import Tensor


def trace_norm_by_row(matrix: Tensor) -> Tensor:
    """Share out the trace norm of ``matrix`` ``[row, column]`` over its rows, ``[row]``.

    The norm is ``‖W‖_* = Σ_k σ_k``. With ``W = U diag(σ) Vᵀ``, the share of row ``t`` is ``⟨W_t,
    G_t⟩`` with ``G = U Vᵀ``, which is ``Σ_k U_tk² σ_k``: at least 0, and the shares sum to the
    norm. ``G`` is held constant, so that a share's gradient is ``G_t`` in its own row and 0 in all
    others, and the gradient of the sum is the norm's, ``G``. Singular vectors are taken where
    ``σ_k`` is not zero to rounding: ``G`` is then the smallest subgradient, also at a matrix
    without full rank, and 0 at 0.

    Source: Watson 1992 for the subgradients of the trace norm.
    """
    with torch.no_grad():
        left, sizes, right = torch.linalg.svd(matrix, full_matrices=False)
        real = sizes > max(matrix.shape) * torch.finfo(matrix.dtype).eps * sizes[:1]
        constant = (left * real) @ right
    return (matrix * constant).sum(1)


__all__ = ["trace_norm_by_row"]
