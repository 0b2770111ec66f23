"""An external memory that writes to the least used slots."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.errors import require, require_at_least, require_positive

EPSILON = 1e-8
"""Added under the root of a norm, so that an empty slot has a similarity (0) and a gradient."""


class MemoryState(NamedTuple):
    """Hold the state of a memory.

    The leading axes ``...`` are any, of tasks or queries.

    Attributes:
        content: The content of the slots ``[..., slot, width]``.
        usage: How much each slot was read and written of late ``[..., slot]``.
        read: How much each head read of each slot in the last step ``[..., head, slot]``.
    """

    content: Tensor
    usage: Tensor
    read: Tensor


class LeastUsedMemory(nn.Module):
    """Read slots of memory by their content; write them by least use or by the last reading.

    With keys ``k_h`` of the heads ``h``, and ``lu_h`` the indicator of the ``h``-th least used slot
    ``l_h``, a step computes the write weights from the last step's ``r`` and usage, wipes the least
    used slots and writes to all, and computes the read weights::

        w_h   ← σ(α_h) · r_h + (1 − σ(α_h)) · lu_h
        M(i)  ← M(i) · 1[i is no l_h] + Σ_h w_h(i) · k_h
        r_h   ← softmax_i(β_h · cos(k_h, M(i)))
        usage ← decay · usage + Σ_h (r_h + w_h)

    and head ``h`` reads ``Σ_i r_h(i) · M(i)``.

    Args:
        slots: Number of slots.
        width: Length of a slot.
        heads: Number of heads that read and write.
        decay: The share of the usage that is left after a step.
        sharpness: Initial value of the learned factors ``β`` of the cosine.

    Raises:
        UserError: If a size is below 1, heads exceed slots, ``decay`` is not in [0, 1], or
            ``sharpness`` is not positive.

    Source: Santoro et al. 2016, eq. 2–8. Differs from the paper: the cosine has a learned factor
    (the key strength of Graves et al. 2014, eq. 5). There it is 1, and a reading over 128 slots is
    little but their mean. Each head writes to one of the ``heads`` least used slots; eq. 6 gives
    all of them to every head.
    """

    def __init__(
        self,
        slots: int = 128,
        width: int = 40,
        heads: int = 4,
        decay: float = 0.99,
        sharpness: float = 10.0,
    ) -> None:
        super().__init__()
        _check(slots, width, heads, decay, sharpness)
        self.slots, self.width = slots, width
        self.heads, self.decay = heads, decay
        self.sharpness = sharpness
        self.gate = nn.Parameter(torch.empty(heads))
        self.log_sharpness = nn.Parameter(torch.empty(heads))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the gates half open, and the sharpness to its initial value."""
        nn.init.zeros_(self.gate)
        with torch.no_grad():
            self.log_sharpness.fill_(self.sharpness).log_()

    def empty(self, num_tasks: int) -> MemoryState:
        """Make an empty memory for each of ``num_tasks`` tasks."""
        zeros = self.gate.new_zeros
        return MemoryState(
            zeros(num_tasks, self.slots, self.width),
            zeros(num_tasks, self.slots),
            zeros(num_tasks, self.heads, self.slots),
        )

    def forward(self, keys: Tensor, state: MemoryState) -> tuple[Tensor, MemoryState]:
        """Write and read with ``keys``.

        Args:
            keys: ``[..., head, width]``.
            state: The state before.

        Returns:
            The reading of each head ``[..., head, width]``, and the state after.
        """
        unused = self._unused(state)
        write = self._write_weights(state.read, unused)
        content = _written(state.content, keys, write, unused)
        read = self._read_weights(keys, content)
        usage = self._usage(state.usage, read + write)
        return read @ content, MemoryState(content, usage, read)

    def _unused(self, state: MemoryState) -> Tensor:
        """Give 1 for the least used slot of each head, else 0 ``[..., head, slot]``."""
        least = state.usage.argsort(dim=-1, stable=True)[..., : self.heads]
        slot = torch.arange(self.slots, device=least.device)
        return (least.unsqueeze(-1) == slot).to(state.read.dtype)

    def _write_weights(self, read: Tensor, unused: Tensor) -> Tensor:
        """Give the write weights ``[..., head, slot]``."""
        gate = self.gate.sigmoid().unsqueeze(-1)
        return gate * read + (1 - gate) * unused

    def _usage(self, before: Tensor, weights: Tensor) -> Tensor:
        """Give the usage after a step; no gradient, since it only orders the slots."""
        return self.decay * before + weights.detach().sum(-2)

    def _read_weights(self, keys: Tensor, content: Tensor) -> Tensor:
        """Give the read weights ``[..., head, slot]``."""
        sharpness = self.log_sharpness.exp().unsqueeze(-1)
        scale = sharpness * _inverse_norm(keys).unsqueeze(-1) * _inverse_norm(content).unsqueeze(-2)
        return (keys @ content.transpose(-1, -2) * scale).softmax(-1)


def _check(slots: int, width: int, heads: int, decay: float, sharpness: float) -> None:
    """Raise unless the parameters of the memory are in range."""
    require_at_least(1, slots=slots, width=width, heads=heads)
    require(
        heads <= slots,
        f"Parameter `heads` should be at most the number of slots, {slots}. Found heads={heads}.",
    )
    require(0 <= decay <= 1, f"Parameter `decay` should be from 0 to 1. Found decay={decay}.")
    require_positive(sharpness=sharpness)


def _written(content: Tensor, keys: Tensor, write: Tensor, unused: Tensor) -> Tensor:
    """Wipe the least used slots, and add the keys to all slots by the write weights."""
    kept = (1 - unused.sum(-2)).unsqueeze(-1)
    return torch.addcmul(write.transpose(-1, -2) @ keys, content, kept)


def _inverse_norm(x: Tensor) -> Tensor:
    return (x.square().sum(-1) + EPSILON).rsqrt()


__all__ = ["LeastUsedMemory", "MemoryState"]
