"""ANIL: almost no inner loop, only the head of the network adapts."""

from torch import Tensor

from quickstudy.bilevel import State
from quickstudy.bilevel.optimisers import Weights
from quickstudy.episode import Batch
from quickstudy.learners.gradient import STATISTICS, InnerLoop
from quickstudy.learners.head import apply_head, without_head
from quickstudy.learners.learner import Adapted
from quickstudy.learners.maml import MAML
from quickstudy.learners.mapping import over_tasks
from quickstudy.learners.rates import RATE
from quickstudy.models.norm import Statistics, forward

SUPPORT, QUERY = "features.support", "features.query"


class ANIL(MAML):
    """MAML whose inner steps change the last linear layer alone; the body below it is meta-learned.

    With body ``f`` and head ``h``: ``h_0 = θ_h``, ``h_{k+1} = h_k − inner_lr · ∇_h L_support(h_k ∘
    f)``, and the loss of a task is ``L_query(h_K ∘ f)``. The features ``f(x)`` are computed once
    for all inner steps.

    Args:
        model: A network that ends in a linear layer; otherwise as :class:`~quickstudy.MAML`, as all
            others below.
        inner_lr: Inner learning rate.
        inner_steps: Inner steps in training.
        test_steps: Inner steps at test; by default as many as in training.
        inner_optimiser: ``"sgd"``, ``"momentum"`` or ``"adam"``.
        outer_gradient: As :class:`~quickstudy.MAML`'s; an implicit one reaches the body through the
            features.
        multi_step_loss: Take the mean of the query losses after each of the inner steps.
        shared_head: Start every class's row of the head from the mean of the rows.
        statistics: Whose mean and variance batch norms use.
        mapping: How tasks are computed together.
        learned_rates: Learn an inner rate for every parameter tensor of the head and step.
        per_step_norm: Not here: the norms below the head see no steps.
        multi_step_until: Outer step by which the steps' losses give way to the last one alone.
        first_order_until: Outer step before which the outer gradient is of first order.
        prototype_head: Start the head as the nearest-prototype classifier of the support features.
        proximal: ``λ`` of a term ``λ/2 ‖h − θ_h‖²`` that inner steps add to the support loss.
        backward_steps: The last steps of ``"truncated"``; steps of conjugate gradients; terms of
            the Neumann series.
        damping: Added to the Hessian of the implicit ways.

    Raises:
        UserError: If the model does not end in a linear layer.

    Source: Raghu, Raghu, Bengio & Vinyals 2020, section 4 and eq. 2.
    """

    head_alone = True

    def problem(
        self, meta: State, support: Batch, query: Batch | None = None, way: int | None = None
    ) -> tuple[InnerLoop, State]:
        """The inner loop of the head, and its start and the features as the tensors it depends on."""
        self.check_head(support.x)
        rates = {name: value for name, value in meta.items() if name.startswith(RATE)}
        body = {
            name: value
            for name, value in meta.items()
            if name not in self._head and name not in rates
        }
        loop = _HeadLoop(self, support, query, way)
        with without_head(self.model, self._head):
            keep = self.uses_support_statistics
            features, loop.recorded = over_tasks(
                lambda x, mask: forward(self.model, body, x, mask, None, keep)
            )(support.x, loop.support_mask)
            tensors = {
                **rates,
                **{name: meta[name] for name in self._head if name in meta},
                SUPPORT: features,
            }
            if query is not None:
                tensors[QUERY] = over_tasks(
                    lambda x, mask, used: forward(self.model, body, x, mask, used or None)[0]
                )(query.x, loop.query_mask, loop.recorded)
        return loop, tensors

    def support_features(self, meta: State, weights: Weights, support: Batch) -> Tensor:
        """The features, which are computed already."""
        return meta[SUPPORT]


class _HeadLoop(InnerLoop):
    """The inner loop on features, which are among the tensors it depends on, so that every outer gradient reaches the body."""

    def __init__(
        self, learner: "ANIL", support: Batch, query: Batch | None, way: int | None
    ) -> None:
        super().__init__(learner, support, query, way)
        self.head, self.recorded = learner._head, Statistics()
        own = dict(learner.model.named_parameters())
        self.frozen = {
            name: own[name].expand(support.num_tasks, *own[name].shape)
            for name in self.head
            if not own[name].requires_grad
        }

    def scores(self, weights: Weights, batch: Batch, mask: Tensor | None, meta: State) -> Tensor:
        """The head of every task on the support features."""
        return self._apply(weights, meta[SUPPORT])

    def query_scores(self, weights: Weights, query: Batch, meta: State) -> Tensor:
        """The head of every task on the query features."""
        return self._apply(weights, meta[QUERY])

    def adapted(self, state: State) -> Adapted:
        """The heads, and the support set's statistics by policy."""
        return {name: state[name] for name in self.names} | {
            f"{STATISTICS}{i}": value for i, value in enumerate(self.recorded)
        }

    def _apply(self, weights: Weights, features: Tensor) -> Tensor:
        every = weights | self.frozen
        result: Tensor = over_tasks(apply_head)({name: every[name] for name in self.head}, features)
        return result
