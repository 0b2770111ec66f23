"""The memory that a step needs, estimated before it runs out."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from quickstudy.episode import Episode
from quickstudy.errors import UserError
from quickstudy.learners import Learner
from quickstudy.random import ambient


def bytes_per_task(learner: Learner, one_task: Episode) -> tuple[int, int]:
    """Measure the bytes that the graphs of ``one_task`` hold.

    Returns:
        The most bytes that they hold at once on the way to the loss, and the bytes held at its end.
    """
    with _same_buffers(learner), ambient(0, "memory"), Held(learner) as held:
        losses = learner.losses(one_task)
        kept = held.now
        del losses
    return held.peak, kept


@contextmanager
def _same_buffers(learner: nn.Module) -> Iterator[None]:
    """Restore the values of the buffers after the block."""
    before = {name: buffer.clone() for name, buffer in learner.named_buffers()}
    yield
    with torch.no_grad():
        for name, buffer in learner.named_buffers():
            buffer.copy_(before[name])


class Held:
    """Counts the bytes of all tensors that autograd keeps for gradients.

    Each storage counts once, and storages of parameters do not count.

    Attributes:
        now: The bytes that are kept.
        peak: The most bytes that were kept at once.
    """

    def __init__(self, learner: nn.Module) -> None:
        self.peak = 0
        self.now = 0
        self._own = {_place(parameter) for parameter in learner.parameters()}
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
        """Count one more user, or one fewer, of the storage of ``tensor``."""
        place = _place(tensor)
        if place in self._own:
            return
        before = self._users[place]
        self._users[place] += by
        if bool(before) != bool(self._users[place]):
            self._count(tensor.untyped_storage().nbytes() * by)

    def _count(self, num_bytes: int) -> None:
        """Add to the bytes that are kept."""
        self.now += num_bytes
        self.peak = max(self.peak, self.now)


def _place(tensor: Tensor) -> int:
    """Give the address of the storage of ``tensor``."""
    return tensor.untyped_storage().data_ptr()


class _Kept:
    """A tensor that autograd keeps, counted as long as it is kept."""

    def __init__(self, held: Held, tensor: Tensor) -> None:
        self.held = held
        self.tensor = tensor
        held.change(tensor, 1)

    def __del__(self) -> None:
        self.held.change(self.tensor, -1)


def available_bytes(device: torch.device) -> int | None:
    """Give the free memory of ``device`` in bytes, or None if the system does not say."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return _available_on_linux()


def _available_on_linux() -> int | None:
    """Give the free memory of the machine in bytes, or None on another system."""
    lines = _meminfo()
    return int(lines["MemAvailable"].split()[0]) * 1024 if lines else None


def _meminfo() -> dict[str, str]:
    """Read Linux's account of the memory; empty on another system."""
    try:
        with open("/proc/meminfo") as file:
            return dict(line.split(":", 1) for line in file)
    except OSError:
        return {}


@dataclass(frozen=True)
class Needs:
    """The memory that the graphs of a step need, in bytes.

    Attributes:
        peak: The most that a task holds at once.
        kept: The part of ``peak`` that a task holds until the step.
        together: The most tasks whose graphs are in memory at the same time, if no graph outlives
            the losses.
    """

    peak: int
    kept: int
    together: int

    def of(self, tasks: int) -> int:
        """Give the need of a step of ``tasks``."""
        return self.kept * tasks + (self.peak - self.kept) * min(tasks, self.together)

    def most(self, tasks: int, free: float) -> int:
        """Give the most tasks, fewer than ``tasks``, that fit into ``free`` bytes."""
        fitting = (fewer for fewer in range(1, tasks) if self.of(fewer) <= free)
        return max(fitting, default=0)


def refuse_what_does_not_fit(learner: nn.Module, one_task: Episode, tasks_at_once: int) -> int:
    """Estimate the memory of a step, in bytes, and refuse it if the device has less.

    Raises:
        UserError: With the estimate, the free memory, and advice.
    """
    assert isinstance(learner, Learner)
    together = learner.most_together(one_task.support) or sys.maxsize
    needs = Needs(*bytes_per_task(learner, one_task), together)
    needed, free = needs.of(tasks_at_once), available_bytes(one_task.support.x.device)
    if free is not None and needed > 0.9 * free:
        advice = _advice(learner, needs.most(tasks_at_once, 0.8 * free))
        raise UserError(
            f"A step of {tasks_at_once} tasks needs about {_gib(needed)} for gradients, "
            f"{_gib(free)} are free: {', or '.join(advice)}."
        )
    return needed


def _gib(num_bytes: int) -> str:
    return f"{num_bytes / 2**30:.1f} GiB"


def _advice(learner: Learner, fits: int) -> list[str]:
    """List the changes that make a step fit, if ``fits`` tasks at a time do (0: not even one)."""
    advice = []
    if fits:
        advice.append(f"accumulate over at most {fits} tasks (tasks_per_backward={fits})")
    if getattr(learner, "outer_gradient", "stepwise") != "stepwise":
        advice.append("take outer_gradient='stepwise' or 'first_order'")
    if not fits:
        advice.append("take a smaller network, fewer examples a task or fewer inner steps")
    return advice
