"""R2D2 and LR-D2: a linear classifier in closed form on a learned embedding."""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from quickstudy.episode import Batch
from quickstudy.errors import require, require_positive
from quickstudy.learners.embedding import EmbeddingLearner, members, of_present
from quickstudy.learners.learner import Adapted


class R2D2(EmbeddingLearner):
    """Solve a ridge (or logistic) regression onto the classes inside the loss.

    With ``X`` the embedded support set and ``Y`` its one-hot labels, ``W = Xᵀ (X Xᵀ + λ I)⁻¹ Y``,
    the minimum of ``‖X W − Y‖² + λ ‖W‖²``: a system of the size of the support set, not of the
    embedding. The scores are ``scale · x W + offset``, the loss is their cross-entropy. Embedding,
    ``λ``, scale and offset are learned.

    ``head="logistic"`` takes ``newton_steps`` Newton steps of one-against-rest logistic regression:
    with ``z = X w``, ``μ = σ(z)``, ``s = μ (1 − μ)`` and the targets ``z + (y − μ) / s``,
    ``w ← Xᵀ (X Xᵀ + λ diag(s)⁻¹)⁻¹ (z + (y − μ) / s)``.

    Args:
        model: A network that gives embeddings ``[example, *feature]``, e.g. ``Conv4(way=None)``.
        head: ``"ridge"`` or ``"logistic"``.
        regulariser: Initial value of ``λ``, which stays positive.
        scale: Initial value of the factor of the scores.
        newton_steps: Newton steps of the logistic head.
        bf16: Embed under bfloat16 autocast.

    Source: Bertinetto et al. 2019, eq. 4–6 (ridge), section 3.2 (logistic; there for two classes,
        here one against the rest for any number).

    Example:
        >>> import quickstudy as qs, torch
        >>> learner = qs.R2D2(torch.nn.Identity(), regulariser=1.0)
        >>> support = qs.Batch.of(torch.eye(2), torch.tensor([0, 1]))
        >>> learner.adapt(support)["weight"]
        tensor([[[0.5000, 0.0000],
                 [0.0000, 0.5000]]])
    """

    def __init__(
        self,
        model: nn.Module,
        head: Literal["ridge", "logistic"] = "ridge",
        regulariser: float = 1.0,
        scale: float = 10.0,
        newton_steps: int = 5,
        bf16: bool = False,
    ) -> None:
        super().__init__(model, bf16)
        require(
            head in ("ridge", "logistic"),
            f"Parameter `head` should be 'ridge' or 'logistic'. Found {head!r}.",
        )
        require_positive(regulariser=regulariser, scale=scale, newton_steps=newton_steps)
        self.head, self.newton_steps = head, newton_steps
        self.regulariser, self.scale = regulariser, scale
        self.log_regulariser = nn.Parameter(torch.empty(()))
        self.factor = nn.Parameter(torch.empty(()))
        self.offset = nn.Parameter(torch.empty(()))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Put regulariser, factor and offset back to their initial values."""
        nn.init.constant_(self.log_regulariser, math.log(self.regulariser))
        nn.init.constant_(self.factor, self.scale)
        nn.init.zeros_(self.offset)

    def summarise(self, embedded: Tensor, support: Batch, way: int) -> Adapted:
        """Return ``weight`` ``[task, feature, class]`` and ``present`` ``[task, class]``."""
        # an example of zeros has no part in the weights
        x = embedded * support.mask.to(embedded.dtype).unsqueeze(-1)
        y = members(support, way, embedded.dtype)
        weight = x.transpose(1, 2) @ self._coefficients(x @ x.transpose(1, 2), y)
        return {"weight": weight, "present": y.sum(1) > 0}

    def compare(self, embedded: Tensor, adapted: Adapted) -> Tensor:
        """Return the scores of queries ``[task, example, class]``."""
        scores = self.factor * embedded @ adapted["weight"] + self.offset
        return of_present(scores, adapted)

    def _coefficients(self, gram: Tensor, y: Tensor) -> Tensor:
        """Return the coefficients that the head asks for ``[task, example, class]``."""
        solve = self._ridge if self.head == "ridge" else self._logistic
        return solve(gram, y)

    def _ridge(self, gram: Tensor, y: Tensor) -> Tensor:
        """Return the coefficients of the ridge regression ``[task, example, class]``.

        They are ``(X Xᵀ + λ I)⁻¹ Y``, with ``X Xᵀ`` the ``gram`` matrix.
        """
        return torch.linalg.solve(gram + self.log_regulariser.exp() * _identity_like(gram), y)

    def _logistic(self, gram: Tensor, y: Tensor) -> Tensor:
        """Return the coefficients of the logistic regressions ``[task, example, class]``.

        They are ``a`` of ``w = Xᵀ a``, after Newton steps from 0.
        """
        coefficients = torch.zeros_like(y)
        for _ in range(self.newton_steps):
            coefficients = self._newton_step(gram, y, gram @ coefficients)
        return coefficients

    def _newton_step(self, gram: Tensor, y: Tensor, z: Tensor) -> Tensor:
        """Return the coefficients after a Newton step from the logits ``z``."""
        mean = z.sigmoid()
        spread = (mean * (1 - mean)).clamp(min=1e-6)
        targets = (z + (y - mean) / spread).transpose(1, 2)
        ridge = (self.log_regulariser.exp() / spread).transpose(1, 2)
        system = gram.unsqueeze(1) + torch.diag_embed(ridge)
        return torch.linalg.solve(system, targets.unsqueeze(-1)).squeeze(-1).transpose(1, 2)


def _identity_like(gram: Tensor) -> Tensor:
    """Make an identity of the size of ``gram``."""
    return torch.eye(gram.shape[1], dtype=gram.dtype, device=gram.device)


__all__ = ["R2D2"]
