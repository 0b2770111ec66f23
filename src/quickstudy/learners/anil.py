"""ANIL: almost no inner loop, only the head of the network adapts."""

from quickstudy.learners.initialisation import InitialisationLearner
from quickstudy.learners.parts import Head


class ANIL(InitialisationLearner):
    """Adapt only the last linear layer as MAML does; the body below it is meta-learned.

    With body ``f`` and head ``h``: ``h_0 = θ_h``, ``h_{k+1} = h_k − inner_lr · ∇_h L_support(h_k ∘
    f)``, and the loss of a task is ``L_query(h_K ∘ f)``. The features ``f(x)`` are computed once
    for all inner steps.

    Args:
        model: A network that ends in a linear layer. See :class:`~quickstudy.MAML` for more about
            the options below.
        inner_lr: Inner learning rate.
        inner_steps: Inner steps in training.
        test_steps: Inner steps at test; by default as many as in training.
        inner_optimiser: ``"sgd"``, ``"momentum"`` or ``"adam"``.
        outer_gradient: As :class:`~quickstudy.MAML`'s; an implicit one reaches the body through the
            features.
        multi_step_loss: Take the mean of the query losses after each of the inner steps.
        shared_head: Start every class's row of the head from the mean of the rows.
        statistics: The statistics that batch norms use.
        mapping: How tasks are computed together.
        learned_rates: Learn an inner rate for every parameter tensor of the head and step.
        per_step_norm: Not here: the norms below the head see no steps.
        multi_step_until: Outer step from which only the loss after the last step counts.
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

    adapts = Head


__all__ = ["ANIL"]
