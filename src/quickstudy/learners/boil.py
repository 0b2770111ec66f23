"""BOIL: the body of the network adapts, its head does not."""

from quickstudy.learners.initialisation import InitialisationLearner
from quickstudy.learners.parts import Body


class BOIL(InitialisationLearner):
    """Adapt all but the last linear layer as MAML does; that layer is meta-learned and stays.

    With body ``f_b`` and head ``h``: ``b_0 = θ_b``, ``b_{k+1} = b_k − inner_lr · ∇_b L_support(h ∘
    f_{b_k})``, and the loss of a task is ``L_query(h ∘ f_{b_K})``. A task is mastered by a change
    of its representation: a head cannot follow the task, so the features have to.

    Args:
        model: A network that ends in a linear layer. See :class:`~quickstudy.MAML` for more about
            the options below.
        inner_lr: Inner learning rate.
        inner_steps: Inner steps in training.
        test_steps: Inner steps at test; by default as many as in training.
        inner_optimiser: ``"sgd"``, ``"momentum"`` or ``"adam"``.
        outer_gradient: As :class:`~quickstudy.MAML`'s.
        multi_step_loss: Take the mean of the query losses after each of the inner steps.
        shared_head: Not here: the head does not adapt.
        statistics: The statistics that batch norms use.
        mapping: How tasks are computed together.
        learned_rates: Learn an inner rate for every parameter tensor of the body and step.
        per_step_norm: Learn scale and shift of the batch norms for the weights after each step.
        multi_step_until: Outer step from which only the loss after the last step counts.
        first_order_until: Outer step before which the outer gradient is of first order.
        prototype_head: Not here: the head does not adapt.
        proximal: ``λ`` of a term ``λ/2 ‖b − θ_b‖²`` that inner steps add to the support loss.
        backward_steps: The last steps of ``"truncated"``; steps of conjugate gradients; terms of
            the Neumann series.
        damping: Added to the Hessian of the implicit ways.

    Raises:
        UserError: If the model has no linear layer, or nothing below it.

    Source: Oh, Yoo, Kim & Yun 2021, section 3.1.

    Example:
        >>> import quickstudy as qs
        >>> learner = qs.BOIL(qs.models.MLP(), inner_lr=0.01)
        >>> task = qs.tasks.Sinusoid().episodes(shot=5, query=5).sample(1, qs.Moment(0, "example"))
        >>> any(name.startswith("head") for name in learner.adapt(task.support))
        False
    """

    adapts = Body


__all__ = ["BOIL"]
