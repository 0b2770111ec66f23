"""Siamese networks: learn whether two examples are of the same class."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quickstudy.episode import Batch
from quickstudy.learners.embedding import EmbeddingLearner, members
from quickstudy.learners.learner import Adapted, embedding_size_of


class Siamese(EmbeddingLearner):
    """Learns whether two examples are of the same class: ``p(a, b) = σ(b₀ − Σ_j α_j · |f_j(a) − f_j(b)|)``.

    The loss of a query is the cross-entropy of its pairs with every support example, in which the
    pairs of the same class weigh one half together and the others the other half. A query is given
    the class of its best pair: the score of a class is the largest logit of its support examples.

    Args:
        model: See :class:`~quickstudy.learners.embedding.EmbeddingLearner`, as ``bf16``.
        embedding_size: Length of the embeddings; by default the model's ``embedding_size``.
        bf16: Embed under bfloat16 autocast.

    Raises:
        UserError: If the length of the embeddings is not known.

    Source: Koch, Zemel & Salakhutdinov 2015, sections 3.1 and 4.2. Differs from the paper: all pairs of an episode, balanced, in place
    of pairs drawn half and half (the same expected loss, and every embedding serves many pairs); ``f`` is any network.

    Example:
        >>> import quickstudy as qs, torch
        >>> learner = qs.Siamese(torch.nn.Identity(), embedding_size=1)
        >>> a = torch.tensor([[0.0], [0.0]])
        >>> same, other = learner.verify(a, torch.tensor([[0.1], [3.0]]))
        >>> bool(same > other)
        True
    """

    def __init__(self, model: nn.Module, embedding_size: int | None = None, bf16: bool = False) -> None:
        super().__init__(model, bf16)
        self.embedding_size = embedding_size_of(model, embedding_size)
        self.alpha, self.bias = nn.Parameter(torch.empty(self.embedding_size)), nn.Parameter(torch.empty(()))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Equal weights ``1 / √size`` of the differences, and a bias of 1."""
        nn.init.constant_(self.alpha, len(self.alpha) ** -0.5)
        nn.init.ones_(self.bias)

    def verify(self, a: Tensor, b: Tensor) -> Tensor:
        """The probability ``[example]`` that ``a[i]`` and ``b[i]`` ``[example, *feature]`` are of the same class."""
        first, second = (self.embed(x.unsqueeze(0), None)[0] for x in (a, b))
        return (self.bias - (first - second).abs() @ self.alpha).sigmoid()

    def summarise(self, embedded: Tensor, support: Batch, way: int) -> Adapted:
        """The embedded support set ``[task, example, feature]`` and its ``members`` ``[task, example, class]``."""
        return {"embedded": embedded, "members": members(support, way, embedded.dtype)}

    def compare(self, embedded: Tensor, adapted: Adapted) -> Tensor:
        """The largest logit of a class's pairs ``[task, example, class]``."""
        membership = adapted["members"].unsqueeze(1).bool()
        return self._logits(embedded, adapted["embedded"]).unsqueeze(-1).masked_fill(~membership, -torch.inf).amax(2)

    def query_losses(self, embedded: Tensor, query: Batch, adapted: Adapted) -> Tensor:
        """The balanced cross-entropy of every query's pairs ``[task, example]``."""
        logits, real = self._logits(embedded, adapted["embedded"]), adapted["members"].sum(2).unsqueeze(1)
        same = torch.einsum("tqw,tsw->tqs", F.one_hot(query.y, adapted["members"].shape[2]).to(logits.dtype), adapted["members"])
        other = real - same
        weight = same / same.sum(2, keepdim=True).clamp(min=1) + other / other.sum(2, keepdim=True).clamp(min=1)
        return (0.5 * weight * F.binary_cross_entropy_with_logits(logits, same, reduction="none")).sum(2)

    def _logits(self, queries: Tensor, support: Tensor) -> Tensor:
        """The logit of every pair ``[task, query, support]``."""
        return self.bias - (queries.unsqueeze(2) - support.unsqueeze(1)).abs() @ self.alpha
