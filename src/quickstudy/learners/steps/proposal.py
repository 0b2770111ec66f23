"""Steps that an LSTM proposes, as in Meta-LSTM."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from quickstudy.bilevel import State
from quickstudy.bilevel.optimisers import Weights
from quickstudy.bilevel.problem import under
from quickstudy.errors import require_at_least
from quickstudy.learners.steps.step_rule import Slope, StepRule
from quickstudy.random import generator

SLOTS = ("update:hidden", "update:cell", "update:forget", "update:input")
"""The memory of the update rule for every weight."""
CUT = 10.0
"""The number ``p`` of :func:`preprocess`."""


class Proposal(StepRule):
    """Let an LSTM propose the step of every weight.

    The step is ``w ← f ∘ w − i ∘ g``, with gates ``f`` and ``i`` that the LSTM computes.

    Args:
        inner_lr: Initial value of the gates ``i``.
        hidden_size: Length of the LSTM's hidden state.
        forget_bias: Initial value of the bias of ``f``.
        seed: Seed of the initial weights of the LSTM.

    Raises:
        UserError: If an argument is out of range.
    """

    learns = True

    def __init__(
        self, inner_lr: float, hidden_size: int = 20, forget_bias: float = 5.0, seed: int = 0
    ) -> None:
        super().__init__(inner_lr)
        require_at_least(1, hidden_size=hidden_size)
        self.hidden_size, self.forget_bias = hidden_size, forget_bias
        self.seed = seed
        self.update = UpdateRule(hidden_size, forget_bias, *_input_gate(inner_lr))
        self.update.reset_parameters(generator(seed, "learner"))

    def slots(self, weights: Weights, learned: State) -> State:
        """Return the memory of the LSTM for every weight: zeros."""
        flat = torch.zeros_like(_flat(weights, tuple(weights)))
        hidden = flat.new_zeros(*flat.shape, self.update.hidden_size)
        return dict(zip(SLOTS, (hidden, hidden, flat, flat), strict=True))

    def step(
        self, state: State, names: tuple[str, ...], slope: Slope, learned: State, index: int
    ) -> State:
        """Take one step of the LSTM, for all weights at once."""
        inputs = (slope.losses, _flat(slope.gradients, names), _flat(state, names))
        memory = (state[slot] for slot in SLOTS)
        rule = under("update.", learned)
        flat, *slots = functional_call(self.update, rule, (*inputs, *memory))
        weights = _unflat(flat, {name: state[name] for name in names})
        return {**weights, **dict(zip(SLOTS, slots, strict=True))}


def _input_gate(inner_lr: float) -> tuple[float, float]:
    """Return the bias of the gates ``i`` and their upper bound, so that they start at the rate."""
    most = 1.0 if inner_lr < 1 else 2 * inner_lr
    return math.log(inner_lr / (most - inner_lr)), most


def _flat(values: Weights, names: tuple[str, ...]) -> Tensor:
    """Put all weights of a task in a row ``[task, weight]``."""
    return torch.cat([values[name].flatten(1) for name in names], 1)


def _unflat(flat: Tensor, like: Weights) -> Weights:
    """Take rows ``[task, weight]`` apart into tensors of the shapes of ``like``."""
    pieces = flat.split([value[0].numel() for value in like.values()], 1)
    named = zip(like.items(), pieces, strict=True)
    return {name: piece.reshape(value.shape) for (name, value), piece in named}


class UpdateRule(nn.Module):
    """Turn gradients and losses into new weights, by two layers that all weights share.

    See :class:`~quickstudy.MetaLSTM` for the equations.

    Args:
        hidden_size: Length of the first layer's hidden state.
        forget_bias: Initial value of ``b_F``.
        input_bias: Initial value of ``b_I``.
        most: The upper bound of the gates ``i``.
    """

    def __init__(
        self, hidden_size: int, forget_bias: float, input_bias: float, most: float = 1.0
    ) -> None:
        super().__init__()
        self.hidden_size, self.most = hidden_size, most
        self.forget_bias, self.input_bias = forget_bias, input_bias
        self.of_loss = _empty(4 * hidden_size, 2)
        # of a gradient and of the hidden state
        self.of_gradient = _empty(4 * hidden_size, 2 + hidden_size)
        self.bias = _empty(4 * hidden_size)
        # weights and bias of each gate
        self.forget, self.input = _empty(hidden_size + 3), _empty(hidden_size + 3)
        self.reset_parameters()

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw small weights, so that the gates start near the sigmoid of their biases."""
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.01, 0.01, generator=generator)
        nn.init.zeros_(self.bias)
        self._start_gates()

    def _start_gates(self) -> None:
        """Set the biases of both gates to their initial values."""
        with torch.no_grad():
            self.forget[-1], self.input[-1] = self.forget_bias, self.input_bias

    def forward(
        self, losses: Tensor, gradients: Tensor, weights: Tensor, *state: Tensor
    ) -> tuple[Tensor, ...]:
        """Return the new weights ``[task, weight]``, then the new state ``[task, weight, ...]``.

        Args:
            losses: ``[task]``.
            gradients: ``[task, weight]``.
            weights: ``[task, weight]``.
            state: Hidden state and cell ``[task, weight, hidden]``, and both gates.
        """
        hidden, cell, forget, input_ = state
        hidden, cell = self._read(losses, gradients, hidden, cell)
        forget = _gate(self.forget, hidden, weights, forget)
        input_ = _gate(self.input, hidden, weights, input_)
        return forget * weights - self.most * input_ * gradients, hidden, cell, forget, input_

    def _read(
        self, losses: Tensor, gradients: Tensor, hidden: Tensor, cell: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Read losses and gradients by the LSTM: its new hidden state and cell."""
        of_loss = F.linear(preprocess(losses), self.of_loss, self.bias).unsqueeze(1)
        mixed = F.linear(torch.cat([preprocess(gradients), hidden], -1), self.of_gradient) + of_loss
        in_, keep, out, candidate = mixed.chunk(4, -1)
        cell = keep.sigmoid() * cell + in_.sigmoid() * candidate.tanh()
        return out.sigmoid() * cell.tanh(), cell


def _empty(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(shape))


def _gate(own: Tensor, hidden: Tensor, weights: Tensor, old: Tensor) -> Tensor:
    """Return a gate of every weight ``[task, weight]``, from its value before."""
    return (hidden @ own[:-3] + own[-3] * weights + own[-2] * old + own[-1]).sigmoid()


def preprocess(x: Tensor) -> Tensor:
    """Return magnitude and direction of ``x`` ``[...]`` as two numbers of ordinary size.

    They are ``(log|x| / p, sign x)`` if ``|x| ≥ e^−p``, else ``(−1, e^p · x)``, with ``p = 10``.

    Returns:
        Both numbers along a new last axis ``[..., 2]``.

    Source: Andrychowicz et al. 2016, appendix A.
    """
    size = x.abs()
    magnitude = size.clamp(min=math.exp(-CUT)).log() / CUT
    direction = torch.where(size >= math.exp(-CUT), x.sign(), math.exp(CUT) * x)
    return torch.stack([magnitude, direction], -1)


__all__ = ["Proposal", "UpdateRule", "preprocess"]
