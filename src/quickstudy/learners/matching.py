"""Matching networks: a query takes the labels of the support examples it attends to."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quickstudy.episode import Batch
from quickstudy.errors import require_at_least, require_positive
from quickstudy.learners.embedding import EmbeddingLearner, members
from quickstudy.learners.learner import Adapted
from quickstudy.models.trunk import embedding_size_of

CellState = tuple[Tensor, Tensor]
"""Hidden state and memory of an LSTM, ``[task, feature]`` each."""

NEVER = -1e9
"""The similarity of an example that may not be attended to: finite, so that gradients are."""


class MatchingNet(EmbeddingLearner):
    """Give a query the labels of the support examples that it attends to.

    ``P(y | x) = Σ_i a(x, x_i) · 1[y_i = y]``

    ``a`` is the softmax over the support examples of ``scale · cos(f(x), g(x_i))``. The scores are
    ``log P(y | x)``, the loss is their cross-entropy. ``f = g`` is the model, unless
    ``full_context``: then both see the whole support set (:class:`FullContext`), and the order of
    its examples matters.

    Args:
        model: A network that gives embeddings ``[example, *feature]``, e.g. ``Conv4(way=None)``.
        scale: Initial value of the learned factor of the cosine.
        full_context: Embed the support set by a bidirectional LSTM over it, and queries by an LSTM
            that attends to it.
        reading_steps: The number of times that this LSTM reads the support set.
        embedding_size: Length of the embeddings, for ``full_context``; by default the model's
            ``embedding_size``.
        bf16: Embed under bfloat16 autocast.

    Raises:
        UserError: If a size is out of range, or the length of the embeddings is needed and not
            known.

    Source: Vinyals et al. 2016, eq. 1 and section 2.1. Differs from the paper: the cosine has a
        learned factor. Theirs is 1, which keeps the probability of one of five examples under 0.65.

    Example:
        >>> import quickstudy as qs, torch
        >>> learner = qs.MatchingNet(torch.nn.Identity())
        >>> support = qs.Batch.of(torch.eye(2), torch.tensor([0, 1]))
        >>> learner.predict(learner.adapt(support), torch.tensor([[[0.2, 1.0]]])).argmax(-1)
        tensor([[1]])
    """

    def __init__(
        self,
        model: nn.Module,
        scale: float = 10.0,
        full_context: bool = False,
        reading_steps: int = 5,
        embedding_size: int | None = None,
        bf16: bool = False,
    ) -> None:
        super().__init__(model, bf16)
        require_positive(scale=scale)
        require_at_least(1, reading_steps=reading_steps)
        self.scale, self.full_context = scale, full_context
        self.reading_steps, self.embedding_size = reading_steps, embedding_size
        self.context = self._context() if full_context else None
        self.log_scale = nn.Parameter(torch.empty(()))
        self.reset_parameters()

    def _context(self) -> "FullContext":
        """Make the LSTMs that embed examples in context."""
        return FullContext(embedding_size_of(self.model, self.embedding_size), self.reading_steps)

    def reset_parameters(self) -> None:
        """Put the factor back to its initial value."""
        nn.init.constant_(self.log_scale, math.log(self.scale))

    def summarise(self, embedded: Tensor, support: Batch, way: int) -> Adapted:
        """Return the support set and the classes of its examples.

        Returns:
            ``embedded`` ``[task, example, feature]`` and ``members`` ``[task, example, class]``.
        """
        embedded = embedded.flatten(2)
        if self.context is not None:
            embedded = self.context.of_support(embedded, support.mask > 0)
        return {"embedded": embedded, "members": members(support, way, embedded.dtype)}

    def compare(self, embedded: Tensor, adapted: Adapted) -> Tensor:
        """Return ``log P(y | x)`` ``[task, example, class]``."""
        queries, of_support = embedded.flatten(2), adapted["embedded"]
        membership = adapted["members"].unsqueeze(1).bool()
        if self.context is not None:
            queries = self.context.of_query(queries, of_support, membership.any(-1))
        similarities = self.log_scale.exp() * _cosines(queries, of_support)
        return _log_probabilities(similarities, membership)


def _log_probabilities(similarities: Tensor, membership: Tensor) -> Tensor:
    """Return the logarithm of the attention that every class gets ``[task, query, class]``.

    Args:
        similarities: Of every pair ``[task, query, support]``.
        membership: Whether a support example is of a class ``[task, 1, support, class]``.
    """
    attention = similarities.unsqueeze(-1).masked_fill(~membership, NEVER)
    scores = attention.logsumexp(2).log_softmax(-1)
    return scores.masked_fill(~membership.any(2), -torch.inf)


def _cosines(queries: Tensor, support: Tensor) -> Tensor:
    """Return the cosine of every pair ``[task, query, support]``."""
    return F.normalize(queries, dim=-1) @ F.normalize(support, dim=-1).transpose(1, 2)


class FullContext(nn.Module):
    """Embed examples in the context of the whole support set.

    A support example becomes ``g(x_i) = g'(x_i) + h→_i + h←_i``, with the states of two LSTMs that
    read ``g'(x_1) … g'(x_n)`` forwards and backwards. A query is embedded by ``K`` readings, from
    ``h_0 = c_0 = 0``::

        r_{k−1} = Σ_i softmax_i(h_{k−1} · g(x_i)) g(x_i)
        ĥ_k, c_k = LSTM(f'(x), [h_{k−1}, r_{k−1}], c_{k−1})
        h_k = ĥ_k + f'(x)                                      (f(x) = h_K)

    Args:
        size: Length of embeddings and states.
        readings: ``K``.

    Source: Vinyals et al. 2016, section 2.1.2, eq. 2–5, and appendix A.
    """

    def __init__(self, size: int, readings: int) -> None:
        super().__init__()
        self.readings = readings
        self.forwards, self.backwards = nn.LSTMCell(size, size), nn.LSTMCell(size, size)
        self.attending = nn.LSTMCell(2 * size, size)

    def of_support(self, embedded: Tensor, real: Tensor) -> Tensor:
        """Return the support examples in context ``[task, example, feature]``.

        Args:
            embedded: The support examples ``[task, example, feature]``.
            real: Which of them are not padding ``[task, example]``; the others are passed over.
        """
        examples = range(embedded.shape[1])
        context = embedded + _states(self.forwards, embedded, real, examples)
        return context + _states(self.backwards, embedded, real, examples[::-1])

    def of_query(self, embedded: Tensor, of_support: Tensor, real: Tensor) -> Tensor:
        """Return the queries in the context of the support set ``[task, example, feature]``.

        Args:
            embedded: The queries ``[task, example, feature]``.
            of_support: The support examples in context ``[task, support, feature]``.
            real: Which support examples are not padding ``[task, 1, support]``.
        """
        inputs = embedded.flatten(0, 1)
        hidden, memory = torch.zeros_like(embedded), torch.zeros_like(inputs)
        for _ in range(self.readings):
            read = _read(hidden, of_support, real).flatten(0, 1)
            seen = torch.cat([inputs, read], -1)
            new_hidden, memory = self.attending(seen, (hidden.flatten(0, 1), memory))
            hidden = new_hidden.unflatten(0, embedded.shape[:2]) + embedded
        return hidden


def _read(hidden: Tensor, of_support: Tensor, real: Tensor) -> Tensor:
    """Return every query's reading of the support set ``[task, example, feature]``."""
    similarities = (hidden @ of_support.transpose(1, 2)).masked_fill(~real, NEVER)
    return similarities.softmax(-1) @ of_support


def _states(cell: nn.LSTMCell, embedded: Tensor, real: Tensor, order: range) -> Tensor:
    """Return the states ``[task, example, feature]`` of a cell that reads examples in ``order``."""
    zeros = embedded.new_zeros(len(embedded), embedded.shape[2])
    state, hidden = (zeros, zeros), {}
    for i in order:
        after = cell(embedded[:, i], state)
        state = _where_real(real[:, i : i + 1], after, state)
        hidden[i] = state[0]
    return torch.stack([hidden[i] for i in sorted(hidden)], 1)


def _where_real(here: Tensor, after: CellState, before: CellState) -> CellState:
    """Return the state ``after`` an example of tasks that have it, the others' from ``before``."""
    return torch.where(here, after[0], before[0]), torch.where(here, after[1], before[1])
