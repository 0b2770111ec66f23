"""Matching networks: a query takes the labels of the support examples it attends to."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quickstudy.episode import Batch
from quickstudy.errors import require
from quickstudy.learners.embedding import EmbeddingLearner, members
from quickstudy.learners.learner import Adapted

NEVER = -1e9
"""The similarity of an example that may not be attended to: finite, so that gradients are."""


class MatchingNet(EmbeddingLearner):
    """A query takes the labels of the support examples it attends to: ``P(y | x) = Σ_i a(x, x_i) · 1[y_i = y]``.

    ``a`` is the softmax over the support examples of ``scale · cos(f(x), f(x_i))``. The scores are
    ``log P(y | x)``, the loss their cross-entropy.

    Args:
        model: See :class:`~quickstudy.learners.embedding.EmbeddingLearner`, as ``bf16``.
        scale: Where the learned factor of the cosine starts.
        bf16: Embed under bfloat16 autocast.

    Source: Vinyals et al. 2016, eq. 1 and section 2.1.1, without full context embeddings. Differs from the paper: the cosine
    has a factor that is learned; theirs is 1, which holds the probability of one of five examples under 0.65.

    Example:
        >>> import quickstudy as qs, torch
        >>> learner = qs.MatchingNet(torch.nn.Identity())
        >>> support = qs.Batch.of(torch.eye(2), torch.tensor([0, 1]))
        >>> learner.predict(learner.adapt(support), torch.tensor([[[0.2, 1.0]]])).argmax(-1)
        tensor([[1]])
    """

    def __init__(self, model: nn.Module, scale: float = 10.0, bf16: bool = False) -> None:
        super().__init__(model, bf16)
        require(scale > 0, f"Parameter `scale` should be positive. Found scale={scale}.")
        self.scale = scale
        self.log_scale = nn.Parameter(torch.empty(()))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The factor as at the start."""
        nn.init.constant_(self.log_scale, math.log(self.scale))

    def summarise(self, embedded: Tensor, support: Batch, way: int) -> Adapted:
        """The unit embeddings of the support set ``[task, example, feature]`` and their ``members`` ``[task, example, class]``."""
        return {"embedded": F.normalize(embedded, dim=-1), "members": members(support, way, embedded.dtype)}

    def compare(self, embedded: Tensor, adapted: Adapted) -> Tensor:
        """``log P(y | x)`` ``[task, example, class]``."""
        cosines = F.normalize(embedded, dim=-1) @ adapted["embedded"].transpose(1, 2)
        membership = adapted["members"].unsqueeze(1).bool()
        attention = (self.log_scale.exp() * cosines).unsqueeze(-1).masked_fill(~membership, NEVER)
        scores = attention.logsumexp(2).log_softmax(-1)
        return scores.masked_fill(~membership.any(2), -torch.inf)
