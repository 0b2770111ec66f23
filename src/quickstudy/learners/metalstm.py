"""Meta-LSTM: an LSTM proposes every step, and its cell state is the weights."""

from torch import nn

from quickstudy.bilevel import OuterGradient
from quickstudy.learners.gradient import GradientLearner, StatisticsPolicy
from quickstudy.learners.mapping import MappingMode
from quickstudy.learners.outer import QueryLoss
from quickstudy.learners.parts import All, head_start
from quickstudy.learners.steps import Proposal


class MetaLSTM(GradientLearner):
    """Let an LSTM propose every step, with learned gates and a learned initialisation.

    ``w_{k+1} = f_k ∘ w_k − i_k ∘ ∇ L_support(w_k)``. For every weight, with ``u_k`` the hidden
    state of an ordinary LSTM that reads the preprocessed gradient and loss (see
    :func:`~quickstudy.learners.steps.proposal.preprocess`)::

        f_k = σ(W_F · [u_k, w_k, f_{k−1}] + b_F)
        i_k = σ(W_I · [u_k, w_k, i_{k−1}] + b_I)

    All weights share the parameters of both layers, but not the state. The loss of a task is the
    query loss after the steps.

    Args:
        model: A network, see :class:`~quickstudy.learners.gradient.GradientLearner`, also for
            ``statistics`` and ``mapping``.
        inner_lr: Initial value of the gates ``i``. If it is 1 or more, the gates are ``2 · inner_lr
            · σ(…)``, because a mean over many examples, or a shared head, takes rates above 1.
        inner_steps: Inner steps in training.
        test_steps: Inner steps at test; by default as many as in training.
        hidden_size: Length of the LSTM's hidden state.
        forget_bias: Initial value of ``b_F``; 5 starts the gates ``f`` at 0.993.
        outer_gradient: ``"first_order"``: the gradients that the LSTM reads are constants, as in
            the paper. ``"unrolled"`` and ``"stepwise"``: they depend on the weights, exactly; see
            :class:`~quickstudy.MAML`.
        shared_head: See :class:`~quickstudy.MAML`; any way is served then.
        statistics: The statistics that batch norms use.
        mapping: How tasks are computed together.
        seed: Seed of the initial weights of the LSTM.

    Raises:
        UserError: If an argument is out of range.

    Source: Ravi & Larochelle 2017, eq. 3–5 and sections 3.1–3.5. Differs from the paper: batch
        norms use by default the statistics of the support set; theirs use running averages within
        an episode. All support examples are one batch. Gates ``i`` may be above 1.

    Example:
        >>> import torch, quickstudy as qs
        >>> learner = qs.MetaLSTM(qs.models.MLP(inputs=1, outputs=1), inner_lr=0.01, inner_steps=3)
        >>> source = qs.tasks.Sinusoid().episodes(shot=5, query=5)
        >>> episodes = source.sample(4, qs.Moment(0, "example"))
        >>> learner.losses(episodes).shape
        torch.Size([4])
    """

    def __init__(
        self,
        model: nn.Module,
        inner_lr: float = 0.1,
        inner_steps: int = 5,
        test_steps: int | None = None,
        hidden_size: int = 20,
        forget_bias: float = 5.0,
        outer_gradient: OuterGradient = "first_order",
        shared_head: bool = False,
        statistics: StatisticsPolicy = "support",
        mapping: MappingMode = "auto",
        seed: int = 0,
    ) -> None:
        part = All(head_start(shared_head))
        step = Proposal(inner_lr, hidden_size, forget_bias, seed)
        gradient = QueryLoss(outer_gradient)
        super().__init__(model, part, step, gradient, inner_steps, test_steps, statistics, mapping)
        self.inner_lr, self.shared_head = inner_lr, shared_head
        self.hidden_size, self.forget_bias = hidden_size, forget_bias
        self.outer_gradient: OuterGradient = outer_gradient
        self.seed = seed


__all__ = ["MetaLSTM"]
