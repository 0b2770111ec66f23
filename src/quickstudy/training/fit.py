"""fit: one loop for every learner."""

import json
import logging
import math
import platform
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor

from quickstudy.balance import Balancer, mean
from quickstudy.episode import Episode
from quickstudy.errors import TrainingError, require
from quickstudy.learners import Learner
from quickstudy.random import ambient, generator
from quickstudy.tasks import TaskSource
from quickstudy.training.checkpoint import pack, read, restore_learner, restore_optimizer, write
from quickstudy.training.compiled import compiled_gradients
from quickstudy.training.evaluate import check_way, values_by_steps
from quickstudy.training.memory import refuse_what_does_not_fit
from quickstudy.training.metrics import MetricLog
from quickstudy.training.progress import Progress

logger = logging.getLogger("quickstudy")
Scheduler = torch.optim.lr_scheduler.LRScheduler


@dataclass
class Fitted:
    """What :func:`fit` leaves.

    Attributes:
        step: Steps taken in all, over resumed parts too.
        seconds: Time spent in all.
        best: The best validation value and the step it was seen at, or None.
        interrupted: Whether Ctrl-C ended it early; ``resume=True`` goes on.
        out: The run's folder.
    """

    step: int = 0
    seconds: float = 0.0
    best: tuple[float, int] | None = None
    interrupted: bool = False
    out: Path | None = None


@dataclass
class _Run:
    """The moving parts of one call of fit."""

    learner: Learner
    train: TaskSource
    optimizer: torch.optim.Optimizer
    scheduler: Scheduler | None
    balancer: Balancer
    tasks_per_step: int
    tasks_per_backward: int | None
    clip_gradient: float | None
    seed: int
    fitted: Fitted
    compiled: Any = None
    parameters: list[Tensor] = field(default_factory=list)

    def step(self, index: int) -> float:
        """Take step ``index`` and return its mean loss; nothing changes where the loss is not finite."""
        device = self.parameters[0].device
        episodes = self.train.sample(self.tasks_per_step, generator(self.seed, "train", index)).to(device)
        self.optimizer.zero_grad(set_to_none=True)
        with ambient(self.seed, "layers", index):
            losses = self._backward(episodes)
        if not bool(losses.isfinite().all()):
            wrong = (~losses.isfinite()).nonzero().flatten().tolist()
            raise TrainingError(
                f"The loss of step {index + 1} is not finite (tasks {wrong[:5]} of the step): lower the learning rates or clip the gradient."
            )
        if self.clip_gradient is not None:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.clip_gradient)
        self.optimizer.step()
        if self.scheduler is not None:
            self.scheduler.step()
        return losses.mean().item()

    def _backward(self, episodes: Episode) -> Tensor:
        if self.compiled is not None:
            return self.compiled(episodes)  # type: ignore[no-any-return]
        total, part = episodes.num_tasks, self.tasks_per_backward or episodes.num_tasks
        values = []
        for first in range(0, total, part):
            chunk = episodes[first : first + part] if part < total else episodes
            losses = self.learner.losses(chunk)
            (self.balancer(losses) * (len(losses) / total)).backward()  # type: ignore[no-untyped-call]
            values.append(losses.detach())
        return torch.cat(values)

    def save(self, path: Path, **more: object) -> None:
        """Write a checkpoint of everything that the next step depends on."""
        tensors, details = pack(self.learner, self.optimizer)
        scheduler = None if self.scheduler is None else _plain(self.scheduler.state_dict())
        progress = {"step": self.fitted.step, "seconds": self.fitted.seconds, "best": self.fitted.best, "seed": self.seed}
        write(path, tensors, details | progress | {"scheduler": scheduler} | more)

    def resume(self, path: Path) -> None:
        """Go back to the checkpoint at ``path``."""
        tensors, details = read(path)
        require(
            details["seed"] == self.seed, f"A resumed run should have the seed it was begun with, {details['seed']}. Found seed={self.seed}."
        )
        restore_learner(self.learner, tensors, path)
        restore_optimizer(self.optimizer, tensors, details)
        if self.scheduler is not None and details["scheduler"] is not None:
            self.scheduler.load_state_dict(details["scheduler"])
        best = details["best"]
        self.fitted.step, self.fitted.seconds = details["step"], details["seconds"]
        self.fitted.best = None if best is None else (best[0], best[1])


def _plain(state: dict[str, Any]) -> dict[str, Any]:
    """The part of a scheduler's state that JSON holds (functions are the caller's to give again)."""
    return {name: value for name, value in state.items() if isinstance(value, (int, float, bool, str, list, type(None)))}


def fit(
    learner: Learner,
    train: TaskSource,
    steps: int,
    tasks_per_step: int = 4,
    out: str | Path | None = None,
    *,
    optimizer: torch.optim.Optimizer | None = None,
    scheduler: Scheduler | None = None,
    lr: float = 1e-3,
    clip_gradient: float | None = None,
    balancer: Balancer = mean,
    tasks_per_backward: int | None = None,
    validation: TaskSource | None = None,
    validate_every: int = 500,
    validation_tasks: int = 200,
    seed: int = 0,
    compile: bool = False,
    resume: bool = False,
    checkpoint_seconds: float = 20.0,
    progress: bool = True,
    tensorboard: bool = False,
    record: dict[str, object] | None = None,
) -> Fitted:
    """Meta-train ``learner``: draw tasks, ``balancer(learner.losses(episodes)).backward()``, step.

    Step ``i`` draws its tasks by ``generator(seed, "train", i)``, so a run that was killed and is
    resumed ends with the same bits as one that was not. With ``validation`` the learner ends with
    the weights that were best on frozen validation tasks.

    Args:
        learner: The learner; its device decides where the tasks go.
        train: Where the training tasks come from.
        steps: Outer steps in all.
        tasks_per_step: Tasks in each.
        out: The run's folder: ``last.safetensors``, ``best.safetensors``, ``metrics.jsonl``, ``run.json``.
        optimizer: Any torch optimiser over ``learner.parameters()``; by default Adam with ``lr``.
        scheduler: Any torch scheduler of that optimiser, stepped once a step.
        lr: Learning rate of the default optimiser.
        clip_gradient: Largest norm of the gradient.
        balancer: Turns the losses of a step into one; by default their mean.
        tasks_per_backward: Accumulate the gradient over so many tasks at a time, to save memory.
        validation: Tasks to validate on, drawn once and frozen.
        validate_every: Steps between validations.
        validation_tasks: How many.
        seed: Seed of all randomness.
        compile: Compile the whole step, gradient included (torch.compile; pays for small networks and many steps).
        resume: Go on from ``out``'s last checkpoint, if there is one.
        checkpoint_seconds: Time between checkpoints.
        progress: Show a progress bar.
        tensorboard: Write TensorBoard events into ``out`` (needs ``quickstudy[tensorboard]``).
        record: Further plain values for ``run.json``.

    Raises:
        UserError: If an argument is out of range, or the run would not fit into memory.
        TrainingError: If a loss is not finite; the last checkpoint stays as it was.
    """
    for name, value in (("steps", steps), ("tasks_per_step", tasks_per_step), ("validate_every", validate_every)):
        require(value >= 1, f"Parameter `{name}` should be at least 1. Found {name}={value}.")
    folder = None if out is None else Path(out)
    require(not (resume or tensorboard) or folder is not None, "Parameter `out` is needed to resume and for TensorBoard.")
    parameters = [parameter for parameter in learner.parameters() if parameter.requires_grad]
    require(bool(parameters), "The learner should have parameters to train. Found none.")
    check_way(learner, train.kind)
    optimizer = torch.optim.Adam(parameters, lr=lr, fused=parameters[0].device.type in ("cpu", "cuda")) if optimizer is None else optimizer
    fitted = Fitted(out=folder)
    run = _Run(
        learner, train, optimizer, scheduler, balancer, tasks_per_step, tasks_per_backward, clip_gradient, seed, fitted, None, list(parameters)
    )
    learner.train()
    last = None if folder is None else folder / "last.safetensors"
    if last is not None and last.exists():
        require(resume, f"Folder {folder} holds a run already: pass resume=True (--resume) to go on with it, or choose another folder.")
        run.resume(last)
        logger.info("Resumed %s at step %d.", folder, fitted.step)
    probe = train.sample(1, generator(seed, "memory")).to(parameters[0].device)
    refuse_what_does_not_fit(learner, probe, tasks_per_backward or tasks_per_step)
    if compile:
        run.compiled = compiled_gradients(learner, balancer)
    if folder is not None:
        _describe(folder, run, steps, record or {})
    log = MetricLog(folder, tensorboard, fitted.step)
    with Progress(steps, fitted.step, tasks_per_step, progress) as bar, _interruptible() as interrupted, log:
        _loop(run, steps, last, checkpoint_seconds, validation, validate_every, validation_tasks, log, bar, interrupted)
    if folder is not None and (folder / "best.safetensors").exists() and validation is not None and not fitted.interrupted:
        restore_learner(learner, read(folder / "best.safetensors")[0], folder / "best.safetensors")
    learner.eval()
    return fitted


def _loop(
    run: _Run,
    steps: int,
    last: Path | None,
    checkpoint_seconds: float,
    validation: TaskSource | None,
    validate_every: int,
    validation_tasks: int,
    log: MetricLog,
    bar: Progress,
    interrupted: threading.Event,
) -> None:
    fitted = run.fitted
    began, saved = time.monotonic() - fitted.seconds, time.monotonic()
    while fitted.step < steps and not interrupted.is_set():
        loss = run.step(fitted.step)
        fitted.step += 1
        fitted.seconds = time.monotonic() - began
        log.loss(fitted.step, loss, run.optimizer.param_groups[0]["lr"], run.tasks_per_step, flush=fitted.step == steps)
        bar.advance(loss)
        if validation is not None and (fitted.step % validate_every == 0 or fitted.step == steps):
            _validate(run, validation, validation_tasks, last, log, bar)
        if last is not None and time.monotonic() - saved > checkpoint_seconds:
            log.flush()
            run.save(last)
            saved = time.monotonic()
    fitted.interrupted = fitted.step < steps
    if last is not None:
        log.flush()
        run.save(last)


def _validate(run: _Run, validation: TaskSource, num_tasks: int, last: Path | None, log: MetricLog, bar: Progress) -> None:
    learner, fitted, kind = run.learner, run.fitted, validation.kind
    values = values_by_steps(learner, validation, num_tasks, run.seed, [learner.test_steps], "validation")[0]
    value = values.nanmean().item()
    log.validation(fitted.step, kind.metric, value)
    bar.validated(kind.metric, value)
    sign = 1 if kind.higher_is_better else -1
    if math.isfinite(value) and (fitted.best is None or sign * value > sign * fitted.best[0]):
        fitted.best = (value, fitted.step)
        if last is not None:
            run.save(last.with_name("best.safetensors"))


def _describe(folder: Path, run: _Run, steps: int, record: dict[str, object]) -> None:
    """Write ``run.json``: what this run is, for a person and for ``evaluate``."""
    from quickstudy.cache import write_atomically

    details = {
        "learner": pack(run.learner)[1]["spec"],
        "source": run.train.describe(),
        "steps": steps,
        "tasks_per_step": run.tasks_per_step,
        "seed": run.seed,
        "transductive": run.learner.transductive,
        "mapping": [mapping.__dict__ for mapping in getattr(run.learner, "_mappings", {}).values()],
        "threads": torch.get_num_threads(),
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
        "optimizer": type(run.optimizer).__name__,
        "scheduler": None if run.scheduler is None else type(run.scheduler).__name__,
        **record,
    }
    write_atomically(folder / "run.json", json.dumps(details, indent=1).encode())


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Inside, the first Ctrl-C sets the event, so that the step in hand is finished; a second one interrupts at once."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = signal.getsignal(signal.SIGINT)

    def handle(number: int, frame: FrameType | None) -> None:
        event.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, handle)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)
