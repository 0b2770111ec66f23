"""Meta-LSTM: an LSTM proposes every step, and its cell state are the weights."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from quickstudy.bilevel import OuterGradient, State
from quickstudy.bilevel.optimisers import Weights
from quickstudy.episode import Batch
from quickstudy.errors import require
from quickstudy.learners.gradient import InnerLoop, StatisticsPolicy
from quickstudy.learners.maml import MAML
from quickstudy.learners.mapping import MappingMode
from quickstudy.random import generator

UPDATE = "update."
"""In front of the names of the update rule's parameters."""
SLOTS = ("update:hidden", "update:cell", "update:forget", "update:input")
"""What the update rule remembers of every weight."""
CUT = 10.0
"""``p`` of :func:`preprocess`."""


class MetaLSTM(MAML):
    """An LSTM proposes every step: ``w_{k+1} = f_k ∘ w_k − i_k ∘ ∇ L_support(w_k)``, with learned
    gates and initialisation.

    For every weight, with ``u_k`` the hidden state of an ordinary LSTM that reads the preprocessed
    gradient and loss (see :func:`preprocess`)::

        f_k = σ(W_F · [u_k, w_k, f_{k−1}] + b_F)
        i_k = σ(W_I · [u_k, w_k, i_{k−1}] + b_I)

    The parameters of both layers are shared by all weights, the states are each weight's own. The
    loss of a task is the query loss after the steps.

    Args:
        model: See :class:`~quickstudy.learners.gradient.GradientLearner`, as all others below.
        inner_lr: Where the gates ``i`` start. From 1 on they are ``2 · inner_lr · σ(…)``: a mean
            over many examples, or a shared head, takes rates above 1.
        inner_steps: Inner steps in training.
        test_steps: Inner steps at test; by default as many as in training.
        hidden_size: Length of the LSTM's hidden state.
        forget_bias: Where ``b_F`` starts; 5 starts the gates ``f`` at 0.993.
        outer_gradient: ``"first_order"``: the gradients that the LSTM reads are constants, as in
            the paper. ``"unrolled"`` and ``"stepwise"``: they depend on the weights, exactly; see
            :class:`~quickstudy.MAML`.
        shared_head: See :class:`~quickstudy.MAML`; any way is served then.
        statistics: Whose mean and variance batch norms use.
        mapping: How tasks are computed together.
        seed: Seed of the initial weights of the LSTM.

    Raises:
        UserError: If an argument is out of range.

    Source: Ravi & Larochelle 2017, eq. 3–5 and sections 3.1–3.5. Differs from the paper: statistics
        are by default those of the
    support set, theirs running averages within an episode; all support examples are one batch;
    gates ``i`` may be above 1.

    Example:
        >>> import torch, quickstudy as qs
        >>> learner = qs.MetaLSTM(qs.models.MLP(inputs=1, outputs=1), inner_lr=0.01, inner_steps=3)
        >>> episodes = qs.tasks.Sinusoid().episodes(shot=5, query=5).sample(4, qs.Moment(0, "example"))
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
        super().__init__(
            model,
            inner_lr,
            inner_steps,
            test_steps,
            outer_gradient=outer_gradient,
            shared_head=shared_head,
            statistics=statistics,
            mapping=mapping,
        )
        require(
            hidden_size >= 1,
            f"Parameter `hidden_size` should be at least 1. Found hidden_size={hidden_size}.",
        )
        self.hidden_size, self.forget_bias, self.seed = hidden_size, forget_bias, seed
        most = 1.0 if inner_lr < 1 else 2 * inner_lr
        self.update = UpdateRule(
            hidden_size, forget_bias, math.log(inner_lr / (most - inner_lr)), most
        )
        self.update.reset_parameters(generator(seed, "learner"))

    def meta(self) -> State:
        """The initialisation and the update rule's parameters, by name."""
        return {
            **super().meta(),
            **{UPDATE + name: value for name, value in self.update.named_parameters()},
        }

    def initial(self, meta: State, support: Batch, way: int | None) -> Weights:
        """The meta-learned weights of every task, without the update rule."""
        return super().initial(
            {name: value for name, value in meta.items() if not name.startswith(UPDATE)},
            support,
            way,
        )

    def problem(
        self, meta: State, support: Batch, query: Batch | None = None, way: int | None = None
    ) -> tuple[InnerLoop, State]:
        """The inner loop whose steps the update rule proposes, and the tensors it depends on."""
        if self.shared_head:
            self.check_head(support.x)
        return _ProposedLoop(self, support, query, way), meta


class UpdateRule(nn.Module):
    """The two layers that turn gradients and losses into new weights; see :class:`MetaLSTM`.

    Args:
        hidden_size: Length of the first layer's hidden state.
        forget_bias: Where ``b_F`` starts.
        input_bias: Where ``b_I`` starts.
        most: The largest that the gates ``i`` can be.
    """

    def __init__(
        self, hidden_size: int, forget_bias: float, input_bias: float, most: float = 1.0
    ) -> None:
        super().__init__()
        self.hidden_size, self.forget_bias, self.input_bias, self.most = (
            hidden_size,
            forget_bias,
            input_bias,
            most,
        )
        self.of_loss = nn.Parameter(torch.empty(4 * hidden_size, 2))
        # and of the hidden state
        self.of_gradient = nn.Parameter(torch.empty(4 * hidden_size, 2 + hidden_size))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size))
        # [W, b]
        self.forget, self.input = (nn.Parameter(torch.empty(hidden_size + 3)) for _ in range(2))
        self.reset_parameters()

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Small weights, so that ``f ≈ σ(forget_bias)`` and ``i ≈ σ(input_bias)``."""
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.01, 0.01, generator=generator)
        nn.init.zeros_(self.bias)
        with torch.no_grad():
            self.forget[-1], self.input[-1] = self.forget_bias, self.input_bias

    def forward(
        self, losses: Tensor, gradients: Tensor, weights: Tensor, *state: Tensor
    ) -> tuple[Tensor, ...]:
        """New ``weights`` ``[task, weight]``, then the new state ``[task, weight, ...]``, from ``losses`` ``[task]`` and ``gradients``."""
        hidden, cell, forget, input_ = state
        of_loss = F.linear(preprocess(losses), self.of_loss, self.bias).unsqueeze(1)
        mixed = F.linear(torch.cat([preprocess(gradients), hidden], -1), self.of_gradient) + of_loss
        in_, keep, out, candidate = mixed.chunk(4, -1)
        cell = keep.sigmoid() * cell + in_.sigmoid() * candidate.tanh()
        hidden = out.sigmoid() * cell.tanh()
        forget, input_ = (
            _gate(own, hidden, weights, old)
            for own, old in ((self.forget, forget), (self.input, input_))
        )
        return forget * weights - self.most * input_ * gradients, hidden, cell, forget, input_


def _gate(own: Tensor, hidden: Tensor, weights: Tensor, old: Tensor) -> Tensor:
    return (hidden @ own[:-3] + own[-3] * weights + own[-2] * old + own[-1]).sigmoid()


def preprocess(x: Tensor) -> Tensor:
    """Magnitude and direction of ``x`` ``[...]`` as two numbers ``[..., 2]`` of ordinary size.

    ``(log|x| / p, sign x)`` where ``|x| ≥ e^−p``, else ``(−1, e^p · x)``, with ``p = 10``.

    Source: Andrychowicz et al. 2016, appendix A.
    """
    size = x.abs()
    magnitude = size.clamp(min=math.exp(-CUT)).log() / CUT
    return torch.stack(
        [magnitude, torch.where(size >= math.exp(-CUT), x.sign(), math.exp(CUT) * x)], -1
    )


class _ProposedLoop(InnerLoop):
    """The inner loop with the update rule in the place of an optimiser."""

    def start(self, meta: State) -> State:
        """The initial weights, and zeros for what the update rule remembers of each."""
        state = super().start(meta)
        flat = torch.zeros_like(self._flat(state))
        hidden = flat.new_zeros(*flat.shape, meta[UPDATE + "of_loss"].shape[0] // 4)
        return {**state, **dict(zip(SLOTS, (hidden, hidden, flat, flat), strict=True))}

    def step(self, state: State, meta: State, index: int, differentiable: bool) -> State:
        """One step of the update rule, for all weights at once."""
        losses, gradients = self.gradient(state, meta, index, differentiable)
        rule = {
            name.removeprefix(UPDATE): value
            for name, value in meta.items()
            if name.startswith(UPDATE)
        }
        inputs = (
            losses,
            self._flat(gradients),
            self._flat(state),
            *(state[slot] for slot in SLOTS),
        )
        assert isinstance(self.learner, MetaLSTM)
        weights, *slots = functional_call(self.learner.update, rule, inputs)
        sizes = [state[name][0].numel() for name in self.names]
        parts = zip(self.names, weights.split(sizes, 1), strict=True)
        return {
            **{name: part.reshape(state[name].shape) for name, part in parts},
            **dict(zip(SLOTS, slots, strict=True)),
        }

    def _flat(self, values: Weights) -> Tensor:
        """All weights of a task in a row ``[task, weight]``."""
        return torch.cat([values[name].flatten(1) for name in self.names], 1)


__all__ = ["MetaLSTM", "UpdateRule", "preprocess"]
