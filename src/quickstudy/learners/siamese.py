"""Siamese networks: learn whether two examples are of the same class."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quickstudy.episode import Batch
from quickstudy.learners.embedding import EmbeddingLearner, members
from quickstudy.learners.learner import Adapted, evaluating
from quickstudy.models.trunk import embedding_size_of


class Siamese(EmbeddingLearner):
    """Learns whether two examples are of the same class: ``p(a, b) = σ(b₀ − Σ_j α_j · |f_j(a) −
    f_j(b)|)``.

    ``f`` are the model's embeddings, normalised over a batch in training and by running averages at
    test.

    The loss of a query is the cross-entropy of its pairs with all ``n`` support examples, of which
    ``m`` are of its class, with the logarithm of ``(n − m) / m`` taken off the logits, so that
    ``p`` is the probability where both cases are as frequent. A query is given the class of its
    best pair: the score of a class is the largest logit of its support examples.

    Args:
        model: See :class:`~quickstudy.learners.embedding.EmbeddingLearner`, as ``bf16``.
        embedding_size: Length of the embeddings; by default the model's ``embedding_size``.
        bf16: Embed under bfloat16 autocast.

    Raises:
        UserError: If the length of the embeddings is not known.

    Source: Koch, Zemel & Salakhutdinov 2015, sections 3.1 and 4.2. Differs from the paper: the
        normalisation, so that distances start on
    the scale of the logits whatever the network (conv4 needs several times the steps without); all
    pairs of an episode with their odds taken into account, in place of pairs drawn half and half:
    every embedding serves many pairs, and of the many of two classes those count that are mistaken
    for one. ``f`` is any network.

    Example:
        >>> import quickstudy as qs, torch
        >>> learner = qs.Siamese(torch.nn.Identity(), embedding_size=1)
        >>> a = torch.tensor([[0.0], [0.0]])
        >>> same, other = learner.verify(a, torch.tensor([[0.1], [3.0]]))
        >>> bool(same > other)
        True
    """

    def __init__(
        self, model: nn.Module, embedding_size: int | None = None, bf16: bool = False
    ) -> None:
        size = embedding_size_of(model, embedding_size)
        super().__init__(model, bf16, normalised=size)
        self.embedding_size = size
        self.alpha, self.bias = (
            nn.Parameter(torch.empty(self.embedding_size)),
            nn.Parameter(torch.empty(())),
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Equal weights ``4 / √size`` of the differences, and a bias at which pairs a little closer than chance (1.13 apart) are even."""
        weight = 4 * self.embedding_size**-0.5
        nn.init.constant_(self.alpha, weight)
        nn.init.constant_(self.bias, 0.8 * weight * self.embedding_size)

    def verify(self, a: Tensor, b: Tensor) -> Tensor:
        """The probability ``[example]`` that ``a[i]`` and ``b[i]`` ``[example, *feature]`` are of the same class."""
        with evaluating(self), torch.no_grad():
            first, second = (self.embed(x.unsqueeze(0), None)[0] for x in (a, b))
            return (self.bias - (first - second).abs() @ self.alpha).sigmoid()

    def summarise(self, embedded: Tensor, support: Batch, way: int) -> Adapted:
        """The embedded support set ``[task, example, feature]`` and its ``members`` ``[task, example, class]``."""
        return {"embedded": embedded, "members": members(support, way, embedded.dtype)}

    def compare(self, embedded: Tensor, adapted: Adapted) -> Tensor:
        """The largest logit of a class's pairs ``[task, example, class]``."""
        membership = adapted["members"].unsqueeze(1).bool()
        return (
            self._logits(embedded, adapted["embedded"])
            .unsqueeze(-1)
            .masked_fill(~membership, -torch.inf)
            .amax(2)
        )

    def query_losses(self, embedded: Tensor, query: Batch, adapted: Adapted) -> Tensor:
        """The cross-entropy of every query's pairs, their odds taken into account ``[task, example]``."""
        logits, real = (
            self._logits(embedded, adapted["embedded"]),
            adapted["members"].sum(2).unsqueeze(1),
        )
        same = torch.einsum(
            "tqw,tsw->tqs",
            F.one_hot(query.y, adapted["members"].shape[2]).to(logits.dtype),
            adapted["members"],
        )
        other = real - same
        odds = other.sum(2, keepdim=True).clamp(min=1) / same.sum(2, keepdim=True).clamp(min=1)
        return (
            real * F.binary_cross_entropy_with_logits(logits - odds.log(), same, reduction="none")
        ).sum(2)

    def _logits(self, queries: Tensor, support: Tensor) -> Tensor:
        """The logit of every pair ``[task, query, support]``."""
        return self.bias - (queries.unsqueeze(2) - support.unsqueeze(1)).abs() @ self.alpha
