"""Siamese networks: learn whether two examples are of the same class."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quickstudy.episode import Batch
from quickstudy.learners.embedding import EmbeddingLearner, members
from quickstudy.learners.learner import Adapted
from quickstudy.models.functional import evaluating
from quickstudy.models.trunk import embedding_size_of


class Siamese(EmbeddingLearner):
    """Learn whether two examples are of the same class.

    ``p(a, b) = σ(b₀ − Σ_j α_j · |f_j(a) − f_j(b)|)``

    ``f`` are the model's embeddings, normalised over a batch in training and by running averages at
    test.

    The loss of a query is the cross-entropy of its pairs with all ``n`` support examples. If ``m``
    of them are of its class, the logarithm of ``(n − m) / m`` is taken off the logits, so ``p`` is
    the probability when both cases are equally frequent. A query gets the class of its best pair:
    the score of a class is the largest logit of its support examples.

    Args:
        model: A network that gives embeddings ``[example, *feature]``, e.g. ``Conv4(way=None)``.
        embedding_size: Length of the embeddings; by default the model's ``embedding_size``.
        bf16: Embed under bfloat16 autocast.

    Raises:
        UserError: If the length of the embeddings is not known.

    Source: Koch, Zemel & Salakhutdinov 2015, sections 3.1 and 4.2. Differs from the paper: ``f`` is
        any network. Embeddings are normalised, so distances start on the scale of the logits for
        any network (conv4 needs several times the steps without). All pairs of an episode count,
        with their odds taken into account, instead of pairs drawn half and half. Every embedding
        then serves many pairs. Among the many pairs of two classes, the ones that are mistaken for
        pairs of one class matter.

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
        self.alpha = nn.Parameter(torch.empty(size))
        self.bias = nn.Parameter(torch.empty(()))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Put weights and bias back to their initial values.

        The weights of the differences are ``4 / √size``. The bias gives even odds to pairs that are
        a little closer than random ones, which are 1.13 apart.
        """
        weight = 4 * self.embedding_size**-0.5
        nn.init.constant_(self.alpha, weight)
        nn.init.constant_(self.bias, 0.8 * weight * self.embedding_size)

    def verify(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the probability ``[example]`` that ``a[i]`` and ``b[i]`` are of the same class."""
        with evaluating(self), torch.no_grad():
            return self._logit(self._embedded(a) - self._embedded(b)).sigmoid()

    def _embedded(self, x: Tensor) -> Tensor:
        """Embed examples ``[example, *feature]``."""
        return self.embed(x.unsqueeze(0), None)[0]

    def summarise(self, embedded: Tensor, support: Batch, way: int) -> Adapted:
        """Return the support set and the classes of its examples.

        Returns:
            ``embedded`` ``[task, example, feature]`` and ``members`` ``[task, example, class]``.
        """
        return {"embedded": embedded, "members": members(support, way, embedded.dtype)}

    def compare(self, embedded: Tensor, adapted: Adapted) -> Tensor:
        """Return the largest logit of a class's pairs ``[task, example, class]``."""
        membership = adapted["members"].unsqueeze(1).bool()
        logits = self._logits(embedded, adapted["embedded"]).unsqueeze(-1)
        return logits.masked_fill(~membership, -torch.inf).amax(2)

    def query_losses(self, embedded: Tensor, query: Batch, adapted: Adapted) -> Tensor:
        """Return the cross-entropy of every query's pairs, by their odds ``[task, example]``."""
        logits, membership = self._logits(embedded, adapted["embedded"]), adapted["members"]
        real = membership.sum(2).unsqueeze(1)
        same = _same(query.y, membership, logits.dtype)
        return (real * _pair_losses(logits, same, real)).sum(2)

    def _logits(self, queries: Tensor, support: Tensor) -> Tensor:
        """Return the logit of every pair ``[task, query, support]``."""
        return self._logit(queries.unsqueeze(2) - support.unsqueeze(1))

    def _logit(self, differences: Tensor) -> Tensor:
        """Return the logit of pairs with the ``differences`` ``[..., feature]``."""
        return self.bias - differences.abs() @ self.alpha


def _pair_losses(logits: Tensor, same: Tensor, real: Tensor) -> Tensor:
    """Return the cross-entropy of every pair, by its odds ``[task, query, support]``."""
    log_odds = _odds(same, real - same).log()
    return F.binary_cross_entropy_with_logits(logits - log_odds, same, reduction="none")


def _same(y: Tensor, membership: Tensor, dtype: torch.dtype) -> Tensor:
    """Return 1 for every pair of one class, else 0: ``[task, query, support]``."""
    labels = F.one_hot(y, membership.shape[2]).to(dtype)
    return torch.einsum("tqw,tsw->tqs", labels, membership)


def _odds(same: Tensor, other: Tensor) -> Tensor:
    """Return the number of pairs of two classes per pair of one class ``[task, query, 1]``."""
    return other.sum(2, keepdim=True).clamp(min=1) / same.sum(2, keepdim=True).clamp(min=1)
