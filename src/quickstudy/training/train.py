"""One loop for every learner."""

import logging
from pathlib import Path

import torch

from quickstudy.balance import Balancer, TaskWeights, mean, parameters_of
from quickstudy.errors import require
from quickstudy.learners import Learner
from quickstudy.random import Moment
from quickstudy.tasks import TaskSource
from quickstudy.training.collect import collect
from quickstudy.training.compiled import compiled_gradients
from quickstudy.training.details import write_details
from quickstudy.training.lock import claimed
from quickstudy.training.loop import take_steps
from quickstudy.training.memory import refuse_what_does_not_fit
from quickstudy.training.optimizer_state import Scheduler
from quickstudy.training.plan import Plan
from quickstudy.training.run import Fitted, Run, trainable

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
    resumed ends with the same bits as an uninterrupted run. With ``validation`` the learner ends
    with the weights that were best on frozen validation tasks.

    Args:
        learner: The learner; its device decides where the tasks go.
        source: The source of the training tasks.
        steps: Outer steps in all.
        tasks_per_step: Tasks of each step.
        out: The run's folder: ``last.safetensors``, ``best.safetensors``, ``metrics.jsonl``,
            ``run.json``.
        optimizer: Any torch optimiser over ``learner.parameters()`` whose step takes no closure; by
            default Adam with ``lr``.
        scheduler: Any torch scheduler of that optimiser that is stepped once a step without a
            metric.
        lr: Learning rate of the default optimiser.
        clip_gradient: Largest norm of the gradient.
        balancer: Turns the losses of a step into one, by default their mean: a function, any
            scalarizer or aggregator of TorchJD, or one of :mod:`quickstudy.balance`. The
            default optimiser trains its parameters too.
        tasks_per_backward: Tasks of one backward pass; the gradient is accumulated over several to
            save memory.
        validation: Tasks to validate on, drawn once and frozen.
        validate_every: Steps between validations.
        validation_tasks: Number of validation tasks.
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
    _check_learner(learner, source)
    _place(balancer, trainable(learner)[0].device)
    taken = _adam(learner, balancer, lr) if optimizer is None else optimizer
    run = Run(learner, source, taken, scheduler, balancer, plan, Fitted(out=plan.out))
    run.check()
    learner.train()
    with claimed(plan.out):
        _begin(run, record or {})
        take_steps(run, validation)
    if validation is not None and not run.fitted.interrupted:
        run.back_to_best()
    learner.eval()
    return run.fitted


fit = train
"""The old name of :func:`train`: the same function."""


def train_whole(
    learner: Learner, source: TaskSource, steps: int, tasks_per_step: int, lr: float, seed: int
) -> None:
    """Train quietly, as a part of a larger computation.

    It is :func:`~quickstudy.train`. Ctrl-C ends the whole computation, because an unfinished
    training would be judged wrongly.

    Raises:
        KeyboardInterrupt: After Ctrl-C.
    """
    if train(learner, source, steps, tasks_per_step, lr=lr, seed=seed, progress=False).interrupted:
        raise KeyboardInterrupt


def _check_learner(learner: Learner, source: TaskSource) -> None:
    """Raise if there is nothing to train, or the learner cannot serve the tasks."""
    found = bool(trainable(learner))
    require(found, "The learner should have parameters to train. Found none.")
    learner.check(source.target)


def _place(balancer: Balancer, device: torch.device) -> None:
    """Move a balancer that has weights to ``device``."""
    if isinstance(balancer, TaskWeights):
        balancer.to(device)


def _adam(learner: Learner, balancer: Balancer, lr: float) -> torch.optim.Optimizer:
    """Make the default optimiser, over the parameters of the learner and of the balancer."""
    parameters = trainable(learner)
    fused = parameters[0].device.type in ("cpu", "cuda")
    learned = [*parameters, *parameters_of(balancer).values()]
    return torch.optim.Adam(learned, lr=lr, fused=fused)


def _begin(run: Run, record: dict[str, object]) -> None:
    """Resume if asked to, check that a step fits into memory, and write the run's description."""
    plan = run.plan
    _go_on(run)
    probe = collect(run.source, run.learner, 1, Moment(plan.seed, "memory"))
    refuse_what_does_not_fit(run.learner, probe, plan.at_once)
    if plan.compile:
        run.compiled = compiled_gradients(run.learner, run.balancer)
    if plan.out is not None:
        write_details(plan.out, run, record)
        _forget_best(run)


def _go_on(run: Run) -> None:
    """Go on from the last checkpoint, if there is one.

    Raises:
        UserError: If there is a checkpoint and ``resume`` is off.
    """
    plan = run.plan
    if plan.last is None or not plan.last.exists():
        return
    require(
        plan.resume,
        f"Folder {plan.out} holds a run already: pass resume=True (--resume) to go on with "
        "it, or choose another folder.",
    )
    run.resume(plan.last)
    logger.info("Resumed %s at step %d.", plan.out, run.fitted.step)


def _forget_best(run: Run) -> None:
    """Remove the best weights of a run that was killed before its first checkpoint."""
    best = run.plan.best
    if best is not None and not run.fitted.step:
        best.unlink(missing_ok=True)
