"""What a step will need of memory, said before it runs out."""

import sys
from collections import Counter
from functools import partial

import torch
from torch import Tensor, nn

from quickstudy.episode import Episode
from quickstudy.errors import UserError
from quickstudy.learners import Learner
from quickstudy.random import ambient


def bytes_per_task(learner: Learner, one_task: Episode) -> tuple[int, int]:
    """The most bytes that one task's graphs hold at once on the way to its loss, and those still held then, measured on ``one_task``."""
    buffers = {name: buffer.clone() for name, buffer in learner.named_buffers()}
    with ambient(0, "memory"), Held(learner) as held:
        losses = learner.losses(one_task)
        kept = held.now
        del losses
    with torch.no_grad():
        for name, buffer in learner.named_buffers():
            buffer.copy_(buffers[name])
    return held.peak, kept


class Held:
    """Inside, counts the bytes of all tensors that autograd keeps for gradients, each storage once,
    those of parameters not.

    Attributes:
        now: What is kept.
        peak: The most that was kept at once.
    """

    def __init__(self, learner: nn.Module) -> None:
        self.peak, self.now = 0, 0
        self._own = {parameter.untyped_storage().data_ptr() for parameter in learner.parameters()}
        self._users: Counter[int] = Counter()
        self._hooks = torch.autograd.graph.saved_tensors_hooks(
            partial(_Kept, self), lambda kept: kept.tensor
        )

    def __enter__(self) -> "Held":
        self._hooks.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._hooks.__exit__(*error)

    def change(self, tensor: Tensor, by: int) -> None:
        """One user more, or one fewer, of the storage of ``tensor``."""
        storage = tensor.untyped_storage()
        at = storage.data_ptr()
        if at in self._own:
            return
        before, self._users[at] = self._users[at], self._users[at] + by
        self.now += storage.nbytes() * (bool(self._users[at]) - bool(before))
        self.peak = max(self.peak, self.now)


class _Kept:
    """A tensor that autograd keeps, counted as long as it does."""

    def __init__(self, held: Held, tensor: Tensor) -> None:
        self.held, self.tensor = held, tensor
        held.change(tensor, 1)

    def __del__(self) -> None:
        self.held.change(self.tensor, -1)


def available_bytes(device: torch.device) -> int | None:
    """Free memory of ``device`` in bytes, or None where the system does not say."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        with open("/proc/meminfo") as file:
            lines = dict(line.split(":", 1) for line in file)
    except OSError:
        return None
    return int(lines["MemAvailable"].split()[0]) * 1024


def refuse_what_does_not_fit(learner: nn.Module, one_task: Episode, tasks_at_once: int) -> int:
    """Estimate the memory of a step, in bytes, and refuse it where the device has less.

    Raises:
        UserError: With the estimate, what is free, and what would help.
    """
    assert isinstance(learner, Learner)
    peak, kept = bytes_per_task(learner, one_task)
    # the most tasks whose graphs stand in memory at the same time, if none outlives the losses
    together = learner.most_together(one_task.support) or sys.maxsize

    def needed(tasks: int) -> int:
        return kept * tasks + (peak - kept) * min(tasks, together)

    free = available_bytes(one_task.support.x.device)
    if free is not None and needed(tasks_at_once) > 0.9 * free:
        fits = max(
            (tasks for tasks in range(1, tasks_at_once) if needed(tasks) <= 0.8 * free), default=0
        )
        advice = (
            [f"accumulate over at most {fits} tasks (tasks_per_backward={fits})"] if fits else []
        )
        advice += (
            ["take outer_gradient='stepwise' or 'first_order'"]
            if getattr(learner, "outer_gradient", "stepwise") != "stepwise"
            else []
        )
        advice += (
            [] if fits else ["take a smaller network, fewer examples a task or fewer inner steps"]
        )
        raise UserError(
            f"A step of {tasks_at_once} tasks needs about {needed(tasks_at_once) / 2**30:.1f} "
            "GiB for gradients, "
            f"{free / 2**30:.1f} GiB are free: {', or '.join(advice)}."
        )
    return needed(tasks_at_once)
