"""What of a run is fixed before its first step, in one value."""

import os
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from quickstudy.balance import Balancer, check_told
from quickstudy.errors import require


@dataclass(frozen=True)
class Plan:
    """The settings of a run, see :func:`~quickstudy.train`."""

    steps: int
    tasks_per_step: int = 4
    out: Path | None = None
    clip_gradient: float | None = None
    tasks_per_backward: int | None = None
    validate_every: int = 500
    validation_tasks: int = 200
    seed: int = 0
    compile: bool = False
    resume: bool = False
    checkpoint_seconds: float = 20.0
    progress: bool = True
    tensorboard: bool = False

    @property
    def last(self) -> Path | None:
        """The file of the last checkpoint."""
        return None if self.out is None else self.out / "last.safetensors"

    @property
    def at_once(self) -> int:
        """The tasks of one backward pass."""
        return self.tasks_per_backward or self.tasks_per_step

    def check(self, lr: float, balancer: Balancer) -> None:
        """Raise if a setting is out of range, or two exclude each other.

        Raises:
            UserError: If so.
        """
        for name in COUNTS:
            count = getattr(self, name)
            require(
                count is None or count >= 1,
                f"Parameter `{name}` should be at least 1. Found {name}={count}.",
            )
        for name, value in (("lr", lr), ("clip_gradient", self.clip_gradient)):
            require(
                value is None or value > 0,
                f"Parameter `{name}` should be positive. Found {name}={value}.",
            )
        require(
            not self.compile or self.tasks_per_backward is None,
            "A compiled step takes all its tasks at once: leave `tasks_per_backward` off.",
        )
        whole = isinstance(balancer, nn.Module)
        require(
            not whole or (self.tasks_per_backward is None and not self.compile),
            f"Balancer {balancer} needs all tasks of a step at once: leave `tasks_per_backward` "
            "and `compile` off.",
        )
        check_told(balancer)
        require(
            not (self.resume or self.tensorboard) or self.out is not None,
            "Parameter `out` is needed to resume and for TensorBoard.",
        )
        if self.out is not None:
            _check_writable(self.out)


COUNTS = ("steps", "tasks_per_step", "validate_every", "validation_tasks", "tasks_per_backward")


def _check_writable(folder: Path) -> None:
    found = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    require(
        found.is_dir() and os.access(found, os.W_OK),
        "Parameter `out` should be a folder that can be written to. Found "
        f"out={str(folder)!r}, but {found} "
        + ("cannot be written to." if found.is_dir() else "is a file."),
    )


__all__ = ["Plan"]
