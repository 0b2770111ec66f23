"""Prototypical networks: a class is the mean of its embedded support examples."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quickstudy.episode import Batch
from quickstudy.errors import require, require_positive
from quickstudy.learners.embedding import EmbeddingLearner, members, of_present
from quickstudy.learners.learner import Adapted


class ProtoNet(EmbeddingLearner):
    """Classify by the nearest prototype in a learned embedding.

    ``c_k`` is the mean of ``f(x)`` over the support examples of class ``k``. The score of class
    ``k`` for a query is ``−‖f(x) − c_k‖²``, minus the *squared* Euclidean distance. The loss is the
    cross-entropy of these scores. With ``distance="cosine"`` the score is ``scale · cos(f(x),
    c_k)``.

    Args:
        model: A network that gives embeddings ``[example, *feature]``, e.g. ``Conv4(way=None)``.
        distance: ``"euclidean"`` (squared) or ``"cosine"``.
        scale: Factor of the cosine.
        bf16: Embed under bfloat16 autocast.

    Source: Snell, Swersky & Zemel 2017, eq. 1 and 2, algorithm 1. Differs from the paper: their
        cosine has no factor, so the largest probability of ``n`` classes is at most
        ``e² / (e² + n − 1)``.

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
        _check_distance(distance)
        require_positive(scale=scale)
        self.distance, self.scale = distance, scale

    def summarise(self, embedded: Tensor, support: Batch, way: int) -> Adapted:
        """Return ``prototypes`` ``[task, class, feature]``, and ``present`` ``[task, class]``."""
        membership = members(support, way, embedded.dtype)
        count = membership.sum(1)
        sums = torch.einsum("tew,tef->twf", membership, embedded)
        return {"prototypes": sums / count.clamp(min=1).unsqueeze(-1), "present": count > 0}

    def compare(self, embedded: Tensor, adapted: Adapted) -> Tensor:
        """Score queries by distance or cosine to the prototypes ``[task, example, class]``."""
        score = self._cosines if self.distance == "cosine" else self._closeness
        return of_present(score(embedded, adapted["prototypes"]), adapted)

    def _cosines(self, embedded: Tensor, prototypes: Tensor) -> Tensor:
        """Return the scaled cosines ``[task, example, class]``."""
        directions = F.normalize(prototypes, dim=-1).transpose(1, 2)
        return self.scale * F.normalize(embedded, dim=-1) @ directions

    @staticmethod
    def _closeness(embedded: Tensor, prototypes: Tensor) -> Tensor:
        """Return minus the squared distances ``[task, example, class]``."""
        # distances do not change, rounding errors shrink
        centre = prototypes.mean(1, keepdim=True)
        embedded, prototypes = embedded - centre, prototypes - centre
        of_prototypes = prototypes.square().sum(-1).unsqueeze(1)
        squares = embedded.square().sum(-1, keepdim=True) + of_prototypes
        return 2 * embedded @ prototypes.transpose(1, 2) - squares


def _check_distance(distance: str) -> None:
    """Raise if there is no such distance."""
    require(
        distance in ("euclidean", "cosine"),
        f"Parameter `distance` should be 'euclidean' or 'cosine'. Found {distance!r}.",
    )


__all__ = ["ProtoNet"]
