"""fit: one loop for every learner."""

import json
import logging
import math
import os
import platform
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import torch

from quickstudy.balance import Balancer, TaskWeights, check_told, mean, parameters_of
from quickstudy.cache import write_atomically
from quickstudy.errors import require
from quickstudy.learners import Learner
from quickstudy.random import Moment
from quickstudy.tasks import TaskSource
from quickstudy.training.checkpoint import pack
from quickstudy.training.collect import collect
from quickstudy.training.compiled import compiled_gradients
from quickstudy.training.evaluate import values_by_steps
from quickstudy.training.memory import refuse_what_does_not_fit
from quickstudy.training.metrics import MetricLog
from quickstudy.training.progress import Progress
from quickstudy.training.run import Fitted, Run, Scheduler

logger = logging.getLogger("quickstudy")


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
        out: The run's folder: ``last.safetensors``, ``best.safetensors``, ``metrics.jsonl``,
            ``run.json``.
        optimizer: Any torch optimiser over ``learner.parameters()`` whose step takes no closure; by
            default Adam with ``lr``.
        scheduler: Any torch scheduler of that optimiser that is stepped once a step without a
            metric.
        lr: Learning rate of the default optimiser.
        clip_gradient: Largest norm of the gradient.
        balancer: Turns the losses of a step into one, by default their mean: a function, any
            scalarizer or aggregator of TorchJD, or one of :mod:`quickstudy.balance`. Parameters of
            its own are among those of the default optimiser.
        tasks_per_backward: Accumulate the gradient over so many tasks at a time, to save memory.
        validation: Tasks to validate on, drawn once and frozen.
        validate_every: Steps between validations.
        validation_tasks: How many.
        seed: Seed of all randomness.
        compile: Compile the whole step, gradient included (torch.compile; pays for small networks
            and many steps).
        resume: Go on from ``out``'s last checkpoint, if there is one.
        checkpoint_seconds: Time between checkpoints.
        progress: Show a progress bar.
        tensorboard: Write TensorBoard events into ``out`` (needs ``quickstudy[tensorboard]``).
        record: Further plain values for ``run.json``.

    Raises:
        UserError: If an argument is out of range, or the run would not fit into memory.
        TrainingError: If a loss is not finite; the last checkpoint stays as it was.
    """
    counts: dict[str, int | None] = {
        "steps": steps,
        "tasks_per_step": tasks_per_step,
        "validate_every": validate_every,
        "validation_tasks": validation_tasks,
    }
    _check(
        counts | {"tasks_per_backward": tasks_per_backward},
        {"lr": lr, "clip_gradient": clip_gradient},
    )
    require(
        not compile or tasks_per_backward is None,
        "A compiled step takes all its tasks at once: leave `tasks_per_backward` off.",
    )
    require(
        not isinstance(balancer, torch.nn.Module) or (tasks_per_backward is None and not compile),
        f"Balancer {balancer} needs all tasks of a step at once: leave `tasks_per_backward` "
        "and `compile` off.",
    )
    check_told(balancer)
    folder = None if out is None else _writable(Path(out))
    require(
        not (resume or tensorboard) or folder is not None,
        "Parameter `out` is needed to resume and for TensorBoard.",
    )
    parameters = [parameter for parameter in learner.parameters() if parameter.requires_grad]
    require(bool(parameters), "The learner should have parameters to train. Found none.")
    learner.check(train.target)
    if isinstance(balancer, TaskWeights):
        balancer.to(parameters[0].device)
    learned = [*parameters, *parameters_of(balancer).values()]
    optimizer = (
        torch.optim.Adam(learned, lr=lr, fused=parameters[0].device.type in ("cpu", "cuda"))
        if optimizer is None
        else optimizer
    )
    fitted = Fitted(out=folder)
    run = Run(
        learner,
        train,
        optimizer,
        scheduler,
        balancer,
        tasks_per_step,
        tasks_per_backward,
        clip_gradient,
        seed,
        fitted,
        None,
        list(parameters),
    )
    run.check()
    learner.train()
    last = None if folder is None else folder / "last.safetensors"
    if last is not None and last.exists():
        require(
            resume,
            f"Folder {folder} holds a run already: pass resume=True (--resume) to go on with "
            "it, or choose another folder.",
        )
        run.resume(last)
        logger.info("Resumed %s at step %d.", folder, fitted.step)
    probe = collect(train, learner, 1, Moment(seed, "memory"))
    refuse_what_does_not_fit(learner, probe, tasks_per_backward or tasks_per_step)
    if compile:
        run.compiled = compiled_gradients(learner, balancer)
    if folder is not None:
        _describe(folder, run, steps, record or {})
        if not fitted.step:
            # of a run that was killed before its first checkpoint
            (folder / "best.safetensors").unlink(missing_ok=True)
    log = MetricLog(folder, tensorboard, fitted.step)
    with (
        Progress(steps, fitted.step, tasks_per_step, progress) as bar,
        _interruptible() as interrupted,
        log,
    ):
        _loop(
            run,
            steps,
            last,
            checkpoint_seconds,
            validation,
            validate_every,
            validation_tasks,
            log,
            bar,
            interrupted,
        )
    if validation is not None and not fitted.interrupted:
        run.back_to_best()
    learner.eval()
    return fitted


def train_whole(
    learner: Learner, source: TaskSource, steps: int, tasks_per_step: int, lr: float, seed: int
) -> None:
    """:func:`~quickstudy.fit`, quietly. It is a part of something larger, which Ctrl-C breaks off:
    half a training would be misjudged.

    Raises:
        KeyboardInterrupt: After Ctrl-C.
    """
    if fit(learner, source, steps, tasks_per_step, lr=lr, seed=seed, progress=False).interrupted:
        raise KeyboardInterrupt


def _writable(folder: Path) -> Path:
    found = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    require(
        found.is_dir() and os.access(found, os.W_OK),
        "Parameter `out` should be a folder that can be written to. Found "
        f"out={str(folder)!r}, but {found} "
        + ("cannot be written to." if found.is_dir() else "is a file."),
    )
    return folder


def _check(counts: dict[str, int | None], positive: dict[str, float | None]) -> None:
    for name, count in counts.items():
        require(
            count is None or count >= 1,
            f"Parameter `{name}` should be at least 1. Found {name}={count}.",
        )
    for name, value in positive.items():
        require(
            value is None or value > 0,
            f"Parameter `{name}` should be positive. Found {name}={value}.",
        )


def _loop(
    run: Run,
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
        weights = run.balancer.weights if isinstance(run.balancer, TaskWeights) else None
        log.loss(
            fitted.step,
            loss,
            run.optimizer.param_groups[0]["lr"],
            run.tasks_per_step,
            fitted.step == steps,
            weights,
        )
        bar.advance(loss)
        if validation is not None and (fitted.step % validate_every == 0 or fitted.step == steps):
            _validate(run, validation, validation_tasks, log, bar)
        if last is not None and time.monotonic() - saved > checkpoint_seconds:
            log.flush()
            run.save(last)
            saved = time.monotonic()
    fitted.interrupted = fitted.step < steps
    if last is not None:
        log.flush()
        run.save(last)


def _validate(
    run: Run, validation: TaskSource, num_tasks: int, log: MetricLog, bar: Progress
) -> None:
    learner, fitted, target = run.learner, run.fitted, validation.target
    values = values_by_steps(
        learner, validation, num_tasks, run.seed, [learner.test_steps], "validation"
    )[0]
    value = values.nanmean().item()
    log.validation(fitted.step, target.metric, value)
    bar.validated(fitted.step, target.metric, value)
    sign = 1 if target.higher_is_better else -1
    if math.isfinite(value) and (fitted.best is None or sign * value > sign * fitted.best[0]):
        fitted.best = (value, fitted.step)
        run.keep_best()


def _describe(folder: Path, run: Run, steps: int, record: dict[str, object]) -> None:
    """Write ``run.json``: what this run is, for a person and for ``evaluate``."""
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
        "balancer": getattr(run.balancer, "__name__", type(run.balancer).__name__),
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
