"""A run's metrics as JSON lines, and as TensorBoard events."""

import json
import time
from itertools import takewhile
from pathlib import Path
from typing import Any

from torch import Tensor

from quickstudy.cache import write_atomically
from quickstudy.errors import UserError

LINES_EVERY = 20


class MetricLog:
    """Writes the metrics of a run, a line for every 20 steps and for every validation.

    A line of ``metrics.jsonl`` holds the mean loss, the learning rate and the speed. If tasks have
    learned weights, these are beside the loss: ``weight/0`` is the weight of task 0. A resumed run
    drops the lines after the step it resumes from, so that no step appears twice.

    Args:
        folder: The run's folder, or None to keep no log.
        tensorboard: Whether to write TensorBoard events too.
        step: The current step of the run.
    """

    def __init__(self, folder: Path | None, tensorboard: bool, step: int) -> None:
        self.path = None if folder is None else folder / "metrics.jsonl"
        self._losses: list[float] = []
        self._lines: list[str] = []
        self._since = time.monotonic()
        if self.path is not None and self.path.exists():
            _drop_after(self.path, step)
        self._events = Events(folder if tensorboard else None, step)

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
        if flush or not step % LINES_EVERY:
            learned = {} if weights is None else _by_task(weights)
            self._add(step, {**self._means(lr, tasks), **learned})
            self._losses = []
            self._since = time.monotonic()

    def _means(self, lr: float, tasks: int) -> dict[str, float]:
        """Give the mean loss, the rate and the speed since the last line."""
        seconds = max(time.monotonic() - self._since, 1e-9)
        speed = len(self._losses) * tasks / seconds
        mean = sum(self._losses) / len(self._losses)
        return {"loss": mean, "lr": lr, "tasks_per_second": round(speed, 2)}

    def validation(self, step: int, metric: str, value: float) -> None:
        """Note a validation."""
        self._add(step, {f"validation_{metric}": value})

    def flush(self) -> None:
        """Write what was noted to the file."""
        if self.path is not None and self._lines:
            _append(self.path, "".join(self._lines))
        self._lines = []
        self._events.flush()

    def _add(self, step: int, values: dict[str, float]) -> None:
        """Note a line, for the file and for TensorBoard."""
        self._lines.append(_line({"step": step, **values}))
        self._events.add(step, values)
        if len(self._lines) >= 10:
            self.flush()

    def __enter__(self) -> "MetricLog":
        return self

    def __exit__(self, *error: object) -> None:
        self.flush()
        self._events.close()


class Events:
    """Writes metrics as events of TensorBoard, which are dropped after the step of a resumed run.

    Args:
        folder: The run's folder, or None to write no events.
        step: The current step of the run.
    """

    def __init__(self, folder: Path | None, step: int) -> None:
        self._writer = None if folder is None else _event_writer(folder / "tensorboard", step)

    def add(self, step: int, values: dict[str, float]) -> None:
        """Note the ``values`` of a step."""
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)

    def flush(self) -> None:
        """Write what was noted to the file."""
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()


def _line(values: dict[str, float]) -> str:
    return json.dumps(values) + "\n"


def _by_task(weights: Tensor) -> dict[str, float]:
    """Give the weights ``[num_tasks]`` of tasks by the names of their metrics."""
    return {f"weight/{task}": round(value, 4) for task, value in enumerate(weights.tolist())}


def _append(path: Path, text: str) -> None:
    """Write ``text`` at the end of the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(text)


def _drop_after(path: Path, step: int) -> None:
    """Remove the lines of a file for steps after ``step``, and damaged lines."""
    kept = [_line(values) for values in read_metrics(path) if values["step"] <= step]
    write_atomically(path, "".join(kept).encode())


def _event_writer(folder: Path, step: int) -> Any:
    """Make the writer of TensorBoard events, which drops events after ``step``."""
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
    found = map(_values_of, path.read_text(errors="replace").splitlines())
    return list(takewhile(bool, found))


def _values_of(line: str) -> dict[str, float]:
    """Parse a line; empty if it is damaged."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    is_whole = isinstance(found, dict) and isinstance(found.get("step"), int)
    return found if is_whole else {}
