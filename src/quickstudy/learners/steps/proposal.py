"""Steps that an LSTM proposes, whose cell state are the weights."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from quickstudy.bilevel import State
from quickstudy.bilevel.optimisers import Weights
from quickstudy.bilevel.problem import under
from quickstudy.errors import require
from quickstudy.learners.steps.step_rule import Slope, StepRule
from quickstudy.random import generator

SLOTS = ("update:hidden", "update:cell", "update:forget", "update:input")
"""What the update rule remembers of every weight."""
CUT = 10.0
"""``p`` of :func:`preprocess`."""


class Proposal(StepRule):
    """``w ← f ∘ w − i ∘ g`` with gates ``f`` and ``i`` by an LSTM, for every weight.

    Args:
        inner_lr: Where the gates ``i`` start.
        hidden_size: Length of the LSTM's hidden state.
        forget_bias: Where the bias of ``f`` starts.
        seed: Seed of the initial weights of the LSTM.

    Raises:
        UserError: If an argument is out of range.
    """

    learns = True

    def __init__(
        self, inner_lr: float, hidden_size: int = 20, forget_bias: float = 5.0, seed: int = 0
    ) -> None:
        super().__init__(inner_lr)
        require(
            hidden_size >= 1,
            f"Parameter `hidden_size` should be at least 1. Found hidden_size={hidden_size}.",
        )
        most = 1.0 if inner_lr < 1 else 2 * inner_lr
        input_bias = math.log(inner_lr / (most - inner_lr))
        self.update = UpdateRule(hidden_size, forget_bias, input_bias, most)
        self.update.reset_parameters(generator(seed, "learner"))

    def slots(self, weights: Weights, learned: State) -> State:
        """Zeros for what the LSTM remembers of every weight."""
        flat = torch.zeros_like(_flat(weights, tuple(weights)))
        hidden = flat.new_zeros(*flat.shape, self.update.hidden_size)
        return dict(zip(SLOTS, (hidden, hidden, flat, flat), strict=True))

    def step(
        self, state: State, names: tuple[str, ...], slope: Slope, learned: State, index: int
    ) -> State:
        """One step of the LSTM, for all weights at once."""
        inputs = (slope.losses, _flat(slope.gradients, names), _flat(state, names))
        remembered = (state[slot] for slot in SLOTS)
        rule = under("update.", learned)
        flat, *slots = functional_call(self.update, rule, (*inputs, *remembered))
        sizes = [state[name][0].numel() for name in names]
        pieces = zip(names, flat.split(sizes, 1), strict=True)
        weights = {name: piece.reshape(state[name].shape) for name, piece in pieces}
        return {**weights, **dict(zip(SLOTS, slots, strict=True))}


def _flat(values: Weights, names: tuple[str, ...]) -> Tensor:
    """All weights of a task in a row ``[task, weight]``."""
    return torch.cat([values[name].flatten(1) for name in names], 1)


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
        self.hidden_size, self.most = hidden_size, most
        self.forget_bias, self.input_bias = forget_bias, input_bias
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
        """Give the new weights ``[task, weight]``, then the new state ``[task, weight, ...]``.

        Args:
            losses: ``[task]``.
            gradients: ``[task, weight]``.
            weights: ``[task, weight]``.
            state: Hidden state and cell ``[task, weight, hidden]``, and both gates.
        """
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


__all__ = ["Proposal", "UpdateRule", "preprocess"]
