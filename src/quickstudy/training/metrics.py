"""A run's metrics as JSON lines, and as TensorBoard events."""

import json
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from torch import Tensor

from quickstudy.cache import write_atomically
from quickstudy.errors import UserError

LINES_EVERY = 20


class MetricLog:
    """Appends to ``metrics.jsonl``: loss, rate and speed every 20 steps, and every validation.

    If tasks have learned weights, these stand beside the loss: ``weight/0`` is the one of task 0. A
    resumed run drops the lines after the step it resumes from, so that no step stands twice.

    Args:
        folder: The run's folder, or None to keep no log.
        tensorboard: Whether to write TensorBoard events too.
        step: The step the run stands at.
    """

    def __init__(self, folder: Path | None, tensorboard: bool, step: int) -> None:
        self.path = None if folder is None else folder / "metrics.jsonl"
        self._losses: list[float] = []
        self._lines: list[str] = []
        self._since = time.monotonic()
        self._writer: Any = None
        if self.path is not None and self.path.exists():
            kept = [line for line in read_metrics(self.path) if line["step"] <= step]
            write_atomically(self.path, "".join(json.dumps(line) + "\n" for line in kept).encode())
        if tensorboard and folder is not None:
            self._writer = _event_writer(folder / "tensorboard", step)

    def loss(
        self,
        step: int,
        loss: float,
        lr: float,
        tasks: int,
        flush: bool,
        weights: Tensor | None = None,
    ) -> None:
        """Note the loss of a step, and the ``weights`` of tasks ``[num_tasks]`` after it."""
        self._losses.append(loss)
        if step % LINES_EVERY and not flush:
            return
        seconds = max(time.monotonic() - self._since, 1e-9)
        rate = len(self._losses) * tasks / seconds
        mean = sum(self._losses) / len(self._losses)
        learned = [] if weights is None else weights.tolist()
        by_task = {f"weight/{task}": round(value, 4) for task, value in enumerate(learned)}
        self._add(step, {"loss": mean, "lr": lr, "tasks_per_second": round(rate, 2), **by_task})
        self._losses = []
        self._since = time.monotonic()

    def validation(self, step: int, metric: str, value: float) -> None:
        """Note a validation."""
        self._add(step, {f"validation_{metric}": value})

    def flush(self) -> None:
        """Write what was noted to the file."""
        if self.path is not None and self._lines:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a") as file:
                file.writelines(self._lines)
        self._lines = []
        if self._writer is not None:
            self._writer.flush()

    def _add(self, step: int, values: dict[str, float]) -> None:
        self._lines.append(json.dumps({"step": step, **values}) + "\n")
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)
        if len(self._lines) >= 10:
            self.flush()

    def __enter__(self) -> "MetricLog":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.flush()
        if self._writer is not None:
            self._writer.close()


def _event_writer(folder: Path, step: int) -> Any:
    """Make the writer of TensorBoard events, which drops those after ``step``."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UserError(
            "TensorBoard is not installed: pip install 'quickstudy[tensorboard]'."
        ) from error
    return SummaryWriter(str(folder), purge_step=step + 1)


def read_metrics(path: Path) -> list[dict[str, float]]:
    """Read the lines of a ``metrics.jsonl``, up to the first that is damaged.

    A kill may cut the last line short.
    """
    lines = []
    for line in path.read_text(errors="replace").splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            break
        if not isinstance(found, dict) or not isinstance(found.get("step"), int):
            break
        lines.append(found)
    return lines
