"""train: one loop for every learner."""

import json
import logging
import math
import platform
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import torch

from quickstudy.balance import Balancer, TaskWeights, mean, parameters_of
from quickstudy.cache import write_atomically
from quickstudy.describe import UndescribableError, describe
from quickstudy.errors import require
from quickstudy.learners import Learner
from quickstudy.random import Moment
from quickstudy.tasks import TaskSource
from quickstudy.training.checkpoint import description_of
from quickstudy.training.collect import collect
from quickstudy.training.compiled import compiled_gradients
from quickstudy.training.evaluate import values_by_steps
from quickstudy.training.lock import locked
from quickstudy.training.memory import refuse_what_does_not_fit
from quickstudy.training.metrics import MetricLog
from quickstudy.training.plan import Plan
from quickstudy.training.progress import Progress
from quickstudy.training.run import Fitted, Run, Scheduler, trainable

logger = logging.getLogger("quickstudy")


def train(
    learner: Learner,
    source: TaskSource,
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

    Step ``i`` draws its tasks at ``Moment(seed, "train", i)``, so a run that was killed and is
    resumed ends with the same bits as one that was not. With ``validation`` the learner ends with
    the weights that were best on frozen validation tasks.

    Args:
        learner: The learner; its device decides where the tasks go.
        source: Where the training tasks come from.
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
        UserError: If an argument is out of range, the run would not fit into memory, or another
            process trains into ``out``.
        TrainingError: If a loss is not finite; the last checkpoint stays as it was.
    """
    plan = Plan(
        steps=steps,
        tasks_per_step=tasks_per_step,
        out=None if out is None else Path(out),
        clip_gradient=clip_gradient,
        tasks_per_backward=tasks_per_backward,
        validate_every=validate_every,
        validation_tasks=validation_tasks,
        seed=seed,
        compile=compile,
        resume=resume,
        checkpoint_seconds=checkpoint_seconds,
        progress=progress,
        tensorboard=tensorboard,
    )
    plan.check(lr, balancer)
    parameters = trainable(learner)
    require(bool(parameters), "The learner should have parameters to train. Found none.")
    learner.check(source.target)
    if isinstance(balancer, TaskWeights):
        balancer.to(parameters[0].device)
    if optimizer is None:
        learned = [*parameters, *parameters_of(balancer).values()]
        fused = parameters[0].device.type in ("cpu", "cuda")
        optimizer = torch.optim.Adam(learned, lr=lr, fused=fused)
    run = Run(learner, source, optimizer, scheduler, balancer, plan, Fitted(out=plan.out))
    run.check()
    learner.train()
    with ExitStack() as held:
        if plan.out is not None:
            held.callback(_remove_empty, _missing(plan.out))
            held.enter_context(locked(plan.out))
        _begin(run, record or {})
        _loop(run, validation)
    if validation is not None and not run.fitted.interrupted:
        run.back_to_best()
    learner.eval()
    return run.fitted


fit = train
"""The old name of :func:`train`: the same function."""


def train_whole(
    learner: Learner, source: TaskSource, steps: int, tasks_per_step: int, lr: float, seed: int
) -> None:
    """Run :func:`~quickstudy.train` quietly as a part of something larger.

    Half a training would be misjudged, so Ctrl-C breaks off the whole.

    Raises:
        KeyboardInterrupt: After Ctrl-C.
    """
    if train(learner, source, steps, tasks_per_step, lr=lr, seed=seed, progress=False).interrupted:
        raise KeyboardInterrupt


def _begin(run: Run, record: dict[str, object]) -> None:
    """Resume if asked to, check that a step fits into memory, and write what the run is."""
    plan = run.plan
    learner = run.learner
    fitted = run.fitted
    last = plan.last
    if last is not None and last.exists():
        require(
            plan.resume,
            f"Folder {plan.out} holds a run already: pass resume=True (--resume) to go on with "
            "it, or choose another folder.",
        )
        run.resume(last)
        logger.info("Resumed %s at step %d.", plan.out, fitted.step)
    probe = collect(run.source, learner, 1, Moment(plan.seed, "memory"))
    refuse_what_does_not_fit(learner, probe, plan.at_once)
    if plan.compile:
        run.compiled = compiled_gradients(learner, run.balancer)
    if plan.out is not None:
        _write_details(plan.out, run, record)
        if not fitted.step:
            # of a run that was killed before its first checkpoint
            (plan.out / "best.safetensors").unlink(missing_ok=True)


def _loop(run: Run, validation: TaskSource | None) -> None:
    """Take the steps that are left, with validations and checkpoints in between."""
    plan = run.plan
    fitted = run.fitted
    log = MetricLog(plan.out, plan.tensorboard, fitted.step)
    bar = Progress(plan.steps, fitted.step, plan.tasks_per_step, plan.progress)
    began = time.monotonic() - fitted.seconds
    saved = time.monotonic()
    with bar, _interruptible() as interrupted, log:
        while fitted.step < plan.steps and not interrupted.is_set():
            loss = run.step(fitted.step)
            fitted.step += 1
            fitted.seconds = time.monotonic() - began
            _note(run, loss, log)
            bar.advance(loss)
            due = fitted.step % plan.validate_every == 0 or fitted.step == plan.steps
            if validation is not None and due:
                _validate(run, validation, log, bar)
            if time.monotonic() - saved > plan.checkpoint_seconds:
                _save(run, log)
                saved = time.monotonic()
        fitted.interrupted = fitted.step < plan.steps
        _save(run, log)


def _note(run: Run, loss: float, log: MetricLog) -> None:
    """Write the loss of the step that was taken."""
    weights = run.balancer.weights if isinstance(run.balancer, TaskWeights) else None
    rate = run.optimizer.param_groups[0]["lr"]
    ended = run.fitted.step == run.plan.steps
    log.loss(run.fitted.step, loss, rate, run.plan.tasks_per_step, ended, weights)


def _save(run: Run, log: MetricLog) -> None:
    """Write the last checkpoint, and the metrics up to it first."""
    if run.plan.last is not None:
        log.flush()
        run.save(run.plan.last)


def _validate(run: Run, validation: TaskSource, log: MetricLog, bar: Progress) -> None:
    """Judge the learner on the frozen validation tasks, and keep it if it is the best so far."""
    plan = run.plan
    fitted = run.fitted
    target = validation.target
    steps = [run.learner.test_steps]
    values = values_by_steps(
        run.learner, validation, plan.validation_tasks, plan.seed, steps, "validation"
    )
    value = values[0].nanmean().item()
    log.validation(fitted.step, target.metric, value)
    bar.validated(fitted.step, target.metric, value)
    sign = 1 if target.higher_is_better else -1
    if math.isfinite(value) and (fitted.best is None or sign * value > sign * fitted.best[0]):
        fitted.best = (value, fitted.step)
        run.keep_best()


def _write_details(folder: Path, run: Run, record: dict[str, object]) -> None:
    """Write ``run.json``: what this run is, for a person and for ``evaluate``."""
    plan = run.plan
    details = {
        "learner": description_of(run.learner),
        "source": run.source.describe(),
        "tasks": _described(run.source),
        "steps": plan.steps,
        "tasks_per_step": plan.tasks_per_step,
        "seed": plan.seed,
        "transductive": run.learner.transductive,
        "mapping": [one.__dict__ for one in getattr(run.learner, "_mappings", {}).values()],
        "threads": torch.get_num_threads(),
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
        "optimizer": type(run.optimizer).__name__,
        "scheduler": None if run.scheduler is None else type(run.scheduler).__name__,
        "balancer": getattr(run.balancer, "__name__", type(run.balancer).__name__),
        **record,
    }
    write_atomically(folder / "run.json", json.dumps(details, indent=1).encode())


def _described(source: TaskSource) -> object:
    """Describe a source in plain values; None if it holds data of its own."""
    try:
        return describe(source)
    except UndescribableError:
        return None


def _missing(folder: Path) -> list[Path]:
    """List the folders that are still to be made, the innermost first."""
    return [path for path in (folder, *folder.parents) if not path.exists()]


def _remove_empty(folders: list[Path]) -> None:
    """Leave no folder behind of a run that was refused."""
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Set the event at the first Ctrl-C or SIGTERM, so that the step in hand is finished.

    A second one interrupts at once.
    """
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int, frame: FrameType | None) -> None:
        event.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, handle)
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
