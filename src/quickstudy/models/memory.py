"""An external memory that writes where it was least used."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.errors import require

EPSILON = 1e-8
"""Under the root of a norm, so that an empty slot has a similarity (0) and a gradient."""


class MemoryState(NamedTuple):
    """What a memory holds; ``...`` are any leading axes (tasks, queries).

    Attributes:
        content: What stands in the slots ``[..., slot, width]``.
        usage: How much each slot was read and written of late ``[..., slot]``.
        read: How much each head read of each slot in the last step ``[..., head, slot]``.
    """

    content: Tensor
    usage: Tensor
    read: Tensor


class LeastUsedMemory(nn.Module):
    """Slots of memory, addressed by content when read, and by least use or last reading when
    written.

    With keys ``k_h`` of the heads ``h``, and ``lu_h`` the indicator of the ``h``-th least used slot ``l_h``::

        w_h ← σ(α_h) · r_h + (1 − σ(α_h)) · lu_h           (write weights, from the last step's r
        and usage) M(i) ← M(i) · 1[i is no l_h] + Σ_h w_h(i) · k_h    (least used slots are wiped,
        then all are written) r_h ← softmax_i(β_h · cos(k_h, M(i)))              (read weights)
        usage ← decay · usage + Σ_h (r_h + w_h)

    and what is read is ``Σ_i r_h(i) · M(i)``.

    Args:
        slots: Number of slots.
        width: Length of a slot.
        heads: Number of heads that read and write.
        decay: What a step leaves of the usage.
        sharpness: Where the learned factors ``β`` of the cosine start.

    Raises:
        UserError: If a size is below 1, heads exceed slots, ``decay`` is not in [0, 1], or
            ``sharpness`` is not positive.

    Source: Santoro et al. 2016, eq. 2–8. Differs from the paper: the cosine has a learned factor
        (the key strength of Graves et al.
    2014, eq. 5), theirs is 1, which over 128 slots reads little but the mean; and of the ``heads``
    least used slots each head writes to one, where eq. 6 gives all of them to every head."""

    def __init__(
        self,
        slots: int = 128,
        width: int = 40,
        heads: int = 4,
        decay: float = 0.99,
        sharpness: float = 10.0,
    ) -> None:
        super().__init__()
        for name, size in (("slots", slots), ("width", width), ("heads", heads)):
            require(size >= 1, f"Parameter `{name}` should be at least 1. Found {name}={size}.")
        require(
            heads <= slots,
            f"Parameter `heads` should be at most the number of slots, {slots}. Found "
            f"heads={heads}.",
        )
        require(0 <= decay <= 1, f"Parameter `decay` should be from 0 to 1. Found decay={decay}.")
        require(
            sharpness > 0, f"Parameter `sharpness` should be positive. Found sharpness={sharpness}."
        )
        self.slots, self.width, self.heads, self.decay, self.sharpness = (
            slots,
            width,
            heads,
            decay,
            sharpness,
        )
        self.gate, self.log_sharpness = (
            nn.Parameter(torch.empty(heads)),
            nn.Parameter(torch.empty(heads)),
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Gates half open, and sharpness as at the start."""
        nn.init.zeros_(self.gate)
        with torch.no_grad():
            self.log_sharpness.fill_(self.sharpness).log_()

    def empty(self, num_tasks: int) -> MemoryState:
        """An empty memory for each of ``num_tasks`` tasks."""
        zeros = self.gate.new_zeros
        return MemoryState(
            zeros(num_tasks, self.slots, self.width),
            zeros(num_tasks, self.slots),
            zeros(num_tasks, self.heads, self.slots),
        )

    def forward(self, keys: Tensor, state: MemoryState) -> tuple[Tensor, MemoryState]:
        """Write and read with ``keys`` ``[..., head, width]``: what was read ``[..., head, width]``, and the new state."""
        least = state.usage.argsort(dim=-1, stable=True)[..., : self.heads]
        slot = torch.arange(self.slots, device=keys.device)
        unused = (least.unsqueeze(-1) == slot).to(keys.dtype)  # [..., head, slot]
        gate = self.gate.sigmoid().unsqueeze(-1)
        write = gate * state.read + (1 - gate) * unused
        content = torch.addcmul(
            write.transpose(-1, -2) @ keys, state.content, (1 - unused.sum(-2)).unsqueeze(-1)
        )
        scale = (
            self.log_sharpness.exp().unsqueeze(-1)
            * _inverse_norm(keys).unsqueeze(-1)
            * _inverse_norm(content).unsqueeze(-2)
        )
        read = (keys @ content.transpose(-1, -2) * scale).softmax(-1)
        # it only orders the slots
        usage = self.decay * state.usage + (read + write).detach().sum(-2)
        return read @ content, MemoryState(content, usage, read)


def _inverse_norm(x: Tensor) -> Tensor:
    return (x.square().sum(-1) + EPSILON).rsqrt()
