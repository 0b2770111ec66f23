"""Dynamic weight average: more weight to losses that fall more slowly."""

import torch
from torch import Tensor

from quickstudy.balance.step import OuterStep
from quickstudy.balance.task_weights import TaskWeights
from quickstudy.errors import require_at_least, require_positive


class DWA(TaskWeights):
    """Weigh tasks by how slowly their losses fall.

    ``weights_i = T · softmax_i(ratio_i / temperature)``

    ``ratio_i = L_i(e−1) / L_i(e−2)`` compares the losses of a task, averaged over each of the last
    two epochs of ``epoch_steps`` steps. It is 1 if a task was in no step of one of them. In the
    first two epochs all weights are 1.

    Args:
        num_tasks: ``T`` tasks; their identities are 0 to ``num_tasks − 1``.
        temperature: The higher, the more even.
        epoch_steps: Outer steps of an epoch.

    Raises:
        UserError: If a number is out of range.

    Source: Liu, Johns & Davison 2019, eq. 7. Differs from the paper: tasks are drawn, so an epoch
        is a number of steps. TorchJD's ``DWA`` is for a user's loop: it is told when an epoch
        ends, and knows tasks by their place.

    Example:
        >>> import quickstudy as qs
        >>> qs.balance.DWA(num_tasks=3).weights
        tensor([1., 1., 1.])
    """

    totals: Tensor
    counts: Tensor
    averages: Tensor
    taken: Tensor

    def __init__(self, num_tasks: int, temperature: float = 2.0, epoch_steps: int = 100) -> None:
        super().__init__(num_tasks)
        require_positive(temperature=temperature)
        require_at_least(1, epoch_steps=epoch_steps)
        self.temperature, self.epoch_steps = temperature, epoch_steps
        self._make_memory()

    def _make_memory(self) -> None:
        """Make the memory of the losses of this epoch and of the averages of the last two."""
        for name in ("totals", "counts"):
            self.register_buffer(name, torch.zeros(self.num_tasks))
        self.register_buffer("averages", torch.zeros(2, self.num_tasks))
        self.register_buffer("taken", torch.zeros((), dtype=torch.long))

    def weigh(self, losses: Tensor, step: OuterStep) -> Tensor:
        """Return the weights of this epoch; its last step makes the weights of the next."""
        used = self.weights
        self._count(*self.by_task(losses, step))
        if self.taken % self.epoch_steps == 0:
            self._end_epoch()
        return used

    def _count(self, loss: Tensor, seen: Tensor) -> None:
        """Add the losses of a step to the sums of the epoch."""
        self.totals = self.totals + loss.to(self.totals.dtype)
        self.counts = self.counts + seen
        self.taken = self.taken + 1

    def _end_epoch(self) -> None:
        """Make the weights of the next epoch, and count anew."""
        self.weights = self.num_tasks * torch.softmax(self._ratio() / self.temperature, 0)
        self._count_anew()

    def _count_anew(self) -> None:
        """Forget the losses of the epoch."""
        self.totals = torch.zeros_like(self.totals)
        self.counts = torch.zeros_like(self.counts)

    def _ratio(self) -> Tensor:
        """Divide the average losses of this epoch by the last epoch's, and keep them."""
        average = self.totals / self.counts.clamp(min=1)
        older, newer = self.averages = torch.stack([self.averages[1], average])
        return torch.where((older != 0) & (self.counts > 0), newer / older, 1)


__all__ = ["DWA"]
