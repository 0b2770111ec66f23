"""Prototypical networks: a class is the mean of its embedded support examples."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quickstudy.episode import Batch
from quickstudy.errors import require
from quickstudy.learners.embedding import EmbeddingLearner, members
from quickstudy.learners.learner import Adapted


class ProtoNet(EmbeddingLearner):
    """Classify by the nearest prototype in a learned embedding.

    ``c_k`` is the mean of ``f(x)`` over the support examples of class ``k``; the score of class
    ``k`` for a query is ``−‖f(x) − c_k‖²``, the *squared* Euclidean distance, and the loss the
    cross-entropy of these scores. With ``distance="cosine"`` the score is ``scale · cos(f(x),
    c_k)``.

    Args:
        model: See :class:`~quickstudy.learners.embedding.EmbeddingLearner`, as ``bf16``.
        distance: ``"euclidean"`` (squared) or ``"cosine"``.
        scale: Factor of the cosine.
        bf16: Embed under bfloat16 autocast.

    Source: Snell, Swersky & Zemel 2017, eq. 1 and 2, algorithm 1. Differs from the paper: their
        cosine has no factor, which
    bounds the largest probability of ``n`` classes by ``e² / (e² + n − 1)``.

    Example:
        >>> import quickstudy as qs, torch
        >>> learner = qs.ProtoNet(torch.nn.Identity())
        >>> support = qs.Batch.of(torch.tensor([[0.0], [1.0]]), torch.tensor([0, 1]))
        >>> learner.predict(learner.adapt(support), torch.tensor([[[0.75]]])).argmax(-1)
        tensor([[1]])
    """

    def __init__(
        self,
        model: nn.Module,
        distance: Literal["euclidean", "cosine"] = "euclidean",
        scale: float = 10.0,
        bf16: bool = False,
    ) -> None:
        super().__init__(model, bf16)
        require(
            distance in ("euclidean", "cosine"),
            f"Parameter `distance` should be 'euclidean' or 'cosine'. Found {distance!r}.",
        )
        require(scale > 0, f"Parameter `scale` should be positive. Found scale={scale}.")
        self.distance, self.scale = distance, scale

    def summarise(self, embedded: Tensor, support: Batch, way: int) -> Adapted:
        """The prototypes ``[task, class, feature]`` and which classes are ``present`` ``[task, class]``."""
        membership = members(support, way, embedded.dtype)
        count = membership.sum(1)
        sums = torch.einsum("tew,tef->twf", membership, embedded)
        return {"prototypes": sums / count.clamp(min=1).unsqueeze(-1), "present": count > 0}

    def compare(self, embedded: Tensor, adapted: Adapted) -> Tensor:
        """Minus the squared distances to the prototypes, or the scaled cosines ``[task, example, class]``."""
        prototypes = adapted["prototypes"]
        if self.distance == "cosine":
            scores = (
                self.scale
                * F.normalize(embedded, dim=-1)
                @ F.normalize(prototypes, dim=-1).transpose(1, 2)
            )
        else:
            # distances do not change, rounding errors shrink
            centre = prototypes.mean(1, keepdim=True)
            embedded, prototypes = embedded - centre, prototypes - centre
            squares = embedded.square().sum(-1, keepdim=True) + prototypes.square().sum(
                -1
            ).unsqueeze(1)
            scores = 2 * embedded @ prototypes.transpose(1, 2) - squares
        return scores.masked_fill(~adapted["present"].unsqueeze(1), -torch.inf)
