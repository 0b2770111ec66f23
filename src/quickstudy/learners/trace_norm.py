"""The trace norm, shared out over the rows of a matrix."""

import torch
from torch import Tensor


def trace_norm_by_row(matrix: Tensor) -> Tensor:
    """Return the share of every row in the trace norm of ``matrix``.

    The trace norm of ``W = U diag(σ) Vᵀ`` is ``‖W‖_* = Σ_k σ_k``. The share of row ``t`` is ``⟨W_t,
    G_t⟩ = Σ_k U_tk² σ_k`` with ``G = U Vᵀ``. Shares are at least 0 and sum to the norm. ``G`` is
    held constant, so the gradient of a share is ``G_t`` in the row itself and 0 in the others. The
    gradient of the sum is the gradient of the norm, ``G``. Singular vectors with a ``σ_k`` of zero
    (to rounding) are left out: ``G`` is then the smallest subgradient, even if the matrix lacks
    full rank, and 0 at 0.

    Args:
        matrix: ``W`` ``[row, column]``.

    Returns:
        The shares ``[row]``.

    Source: Watson 1992 for the subgradients of the trace norm.
    """
    with torch.no_grad():
        left, sizes, right = torch.linalg.svd(matrix, full_matrices=False)
        constant = (left * _are_real(sizes, matrix)) @ right
    return (matrix * constant).sum(1)


def _are_real(sizes: Tensor, matrix: Tensor) -> Tensor:
    """Say which singular values of ``matrix`` are more than rounding errors."""
    return sizes > max(matrix.shape) * torch.finfo(matrix.dtype).eps * sizes[:1]


__all__ = ["trace_norm_by_row"]
