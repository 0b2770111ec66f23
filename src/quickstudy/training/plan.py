"""The settings of a run, which are fixed before its first step."""

import math
import os
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from quickstudy.balance import Balancer, check_told
from quickstudy.errors import require, require_at_least


@dataclass(frozen=True)
class Plan:
    """The settings of a run.

    They are the arguments of :func:`~quickstudy.train` with the same names.
    """

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
    def best(self) -> Path | None:
        """The file of the checkpoint that was best by validation."""
        return None if self.out is None else self.out / "best.safetensors"

    @property
    def at_once(self) -> int:
        """The tasks of one backward pass."""
        return self.tasks_per_backward or self.tasks_per_step

    @property
    def largest_norm(self) -> float:
        """The largest norm of the gradient."""
        return math.inf if self.clip_gradient is None else self.clip_gradient

    def check(self, lr: float, balancer: Balancer) -> None:
        """Check the settings.

        Raises:
            UserError: If a setting is out of range, or two exclude each other.
        """
        self._check_counts()
        _check_positive(lr=lr, clip_gradient=self.clip_gradient)
        self._check_compiled()
        self._check_whole(balancer)
        check_told(balancer)
        self._check_out()

    def _check_counts(self) -> None:
        """Raise if a count is below 1."""
        given = {name: getattr(self, name) for name in COUNTS}
        require_at_least(1, **{name: count for name, count in given.items() if count is not None})

    def _check_compiled(self) -> None:
        """Raise if a compiled step is to be divided."""
        require(
            not self.compile or self.tasks_per_backward is None,
            "A compiled step takes all its tasks at once: leave `tasks_per_backward` off.",
        )

    def _check_whole(self, balancer: Balancer) -> None:
        """Raise if a balancer that needs the whole step does not see it."""
        apart = self.compile or self.tasks_per_backward is not None
        require(
            not (isinstance(balancer, nn.Module) and apart),
            f"Balancer {balancer} needs all tasks of a step at once: leave `tasks_per_backward` "
            "and `compile` off.",
        )

    def _check_out(self) -> None:
        """Raise if a folder is needed and missing, or cannot be written to."""
        needed = self.resume or self.tensorboard
        require(
            not needed or self.out is not None,
            "Parameter `out` is needed to resume and for TensorBoard.",
        )
        if self.out is not None:
            _check_writable(self.out)


COUNTS = ("steps", "tasks_per_step", "validate_every", "validation_tasks", "tasks_per_backward")


def _check_positive(**values: float | None) -> None:
    """Raise if one of ``values`` is given and not positive."""
    for name, value in values.items():
        require(
            value is None or value > 0,
            f"Parameter `{name}` should be positive. Found {name}={value}.",
        )


def _check_writable(folder: Path) -> None:
    found = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    fault = "cannot be written to" if found.is_dir() else "is a file"
    require(
        found.is_dir() and os.access(found, os.W_OK),
        "Parameter `out` should be a folder that can be written to. Found "
        f"out={str(folder)!r}, but {found} {fault}.",
    )


__all__ = ["Plan"]
