"""MAML: an initialisation from which a few gradient steps master a task."""

from quickstudy.learners.initialisation import InitialisationLearner
from quickstudy.learners.parts import All


class MAML(InitialisationLearner):
    """Meta-learn the initialisation of a network through the inner steps.

    ``w_0 = θ``, ``w_{k+1} = w_k − inner_lr · ∇_w L_support(w_k)``, and the loss of a task is
    ``L_query(w_K)``, whose gradient with respect to ``θ`` goes through all ``K`` steps.

    Args:
        model: A network, see :class:`~quickstudy.learners.gradient.GradientLearner`, also for
            ``statistics`` and ``mapping``.
        inner_lr: Inner learning rate.
        inner_steps: Inner steps in training.
        test_steps: Inner steps at test; by default as many as in training.
        inner_optimiser: ``"sgd"``, ``"momentum"`` or ``"adam"``.
        outer_gradient: ``"unrolled"`` (exact; memory grows with the steps), ``"stepwise"`` (exact;
            memory of one step and the stored weights, more time), ``"truncated"`` (second order
            through the last steps only), ``"first_order"`` (see :class:`~quickstudy.FOMAML`), or
            ``"implicit"`` and ``"neumann"`` (at the optimum of the inner loss, see
            :class:`~quickstudy.IMAML`; they need ``proximal``, and memory of one step). See
            :func:`quickstudy.bilevel.solve`.
        multi_step_loss: Take the mean of the query losses after each of the inner steps as the loss
            of a task, in place of the last loss (MAML++, eq. 4).
        shared_head: Start every class's row of the last linear layer from the mean of the rows.
            With one inner step only this layer changes then, since equal rows pass no gradient
            down.
        statistics: The statistics that batch norms use.
        mapping: How tasks are computed together.
        learned_rates: Learn an inner rate for every parameter tensor and step (MAML++, section 4).
        per_step_norm: Learn scale and shift of the batch norms for the weights after each step, 0 …
            ``inner_steps``; they do not adapt (MAML++, section 4). Mean and variance are taken anew
            in each step, except with ``"frozen"``.
        multi_step_until: Let the weights of the steps' losses go linearly from equal weights to the
            weight 1 of the last loss, by this outer step.
        first_order_until: Take the outer gradient in first order before this outer step (MAML++,
            section 4).
        prototype_head: In classification, start the last linear layer as the nearest-prototype
            classifier of the support features, which serves any way (see
            :func:`~quickstudy.learners.head.prototype_head`).
        proximal: ``λ`` of a term ``λ/2 ‖w − θ‖²`` that inner steps add to the support loss.
        backward_steps: The last steps of ``"truncated"``; steps of conjugate gradients; terms of
            the Neumann series.
        damping: Added to the Hessian of the implicit ways.

    Source: Finn, Abbeel & Levine 2017, algorithm 2 and eq. 1.

    Differs from the authors' code: the support loss is a mean over examples, theirs a sum over the
    classes, so their inner rate 0.4 for 5-way Omniglot is 2.0 here. Batch norms use by default the
    statistics of the support set; theirs are transductive. The options of MAML++ come from
    Antoniou, Edwards & Storkey 2019. They normalise queries after step ``k`` by the scale and shift
    of step ``k``'s support pass; here the scale and shift of the step after are used.

    Example:
        >>> import torch, quickstudy as qs
        >>> learner = qs.MAML(qs.models.MLP(inputs=1, outputs=1), inner_lr=0.01)
        >>> source = qs.tasks.Sinusoid().episodes(shot=5, query=5)
        >>> episodes = source.sample(4, qs.Moment(0, "example"))
        >>> learner.losses(episodes).shape
        torch.Size([4])
    """

    adapts = All


__all__ = ["MAML"]
