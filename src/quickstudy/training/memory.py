"""What a step will need of memory, said before it runs out."""

import torch
from torch import Tensor, nn

from quickstudy.episode import Episode
from quickstudy.errors import UserError
from quickstudy.learners import Learner
from quickstudy.random import ambient


def bytes_per_task(learner: Learner, one_task: Episode) -> int:
    """Bytes that one task's graph holds between its loss and its backward pass, measured on ``one_task``.

    Counts every tensor that autograd saves once, by its storage, without those of the parameters.
    """
    held: dict[int, int] = {}
    own = {parameter.untyped_storage().data_ptr() for parameter in learner.parameters()}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            held[storage.data_ptr()] = storage.nbytes()
        return tensor

    buffers = {name: buffer.clone() for name, buffer in learner.named_buffers()}
    with ambient(0, "memory"), torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        learner.losses(one_task)
    with torch.no_grad():
        for name, buffer in learner.named_buffers():
            buffer.copy_(buffers[name])
    return sum(held.values())


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
    needed = bytes_per_task(learner, one_task) * tasks_at_once
    free = available_bytes(one_task.support.x.device)
    if free is not None and needed > 0.9 * free:
        fits = max(1, int(0.8 * free / (needed / tasks_at_once)))
        other = ", or take outer_gradient='stepwise' or 'first_order'" if hasattr(learner, "outer_gradient") else ""
        raise UserError(
            f"A step of {tasks_at_once} tasks needs about {needed / 2**30:.1f} GiB for gradients, {free / 2**30:.1f} GiB are free: "
            f"accumulate over at most {fits} tasks (tasks_per_backward={fits}){other}."
        )
    return needed
