"""The moving parts of a training run: one outer step, its checkpoint, and going back to it."""

import json
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from quickstudy.balance import Balancer, OuterStep, check_places, descend, restore_state, state_of
from quickstudy.episode import Episode
from quickstudy.errors import TrainingError, require
from quickstudy.learners import Learner
from quickstudy.random import Moment, ambient
from quickstudy.tasks import TaskSource
from quickstudy.training.checkpoint import (
    check_optimizer,
    description_of,
    pack,
    read,
    restore_learner,
    restore_optimizer,
    write,
)
from quickstudy.training.collect import collect
from quickstudy.training.plan import Plan

Scheduler = torch.optim.lr_scheduler.LRScheduler


@dataclass
class Fitted:
    """What :func:`train` leaves.

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
class Run:
    """The parts of a run that change, and the plan, which does not.

    Attributes:
        learner: What is trained.
        source: Where the training tasks come from.
        optimizer: What takes the steps.
        scheduler: What changes its rate.
        balancer: What makes one step of several losses.
        plan: The settings.
        fitted: How far it is.
        compiled: The compiled step.
        best_weights: The best weights, if the run has no folder.
        places: The tasks of a step, if the balancer knows them by their place.
    """

    learner: Learner
    source: TaskSource
    optimizer: torch.optim.Optimizer
    scheduler: Scheduler | None
    balancer: Balancer
    plan: Plan
    fitted: Fitted
    compiled: Any = None
    best_weights: dict[str, Tensor] | None = None
    places: Tensor | None = None

    @cached_property
    def parameters(self) -> list[nn.Parameter]:
        """The parameters that are trained."""
        return trainable(self.learner)

    def step(self, index: int) -> float:
        """Take step ``index`` and give its mean loss.

        Raises:
            TrainingError: If the loss or its gradient is not finite; no weight has changed.
        """
        plan = self.plan
        moment = Moment(plan.seed, "train", index)
        episodes = collect(self.source, self.learner, plan.tasks_per_step, moment)
        self.optimizer.zero_grad(set_to_none=True)
        with ambient(plan.seed, "layers", index):
            losses = self._backward(episodes)
        self._check_finite(losses, index)
        self.optimizer.step()
        if self.scheduler is not None:
            self.scheduler.step()
        self.source.told(episodes, losses, episodes.moment)
        return losses.mean().item()

    def _check_finite(self, losses: Tensor, index: int) -> None:
        """Raise if a loss or the gradient is not finite; clip the gradient."""
        if not bool(losses.isfinite().all()):
            wrong = (~losses.isfinite()).nonzero().flatten().tolist()
            raise self._diverged(f"The loss of step {index + 1} is not finite (tasks {wrong[:5]})")
        clip = self.plan.clip_gradient
        norm = nn.utils.clip_grad_norm_(self.parameters, math.inf if clip is None else clip)
        if not bool(norm.isfinite()):
            raise self._diverged(f"The gradient of step {index + 1} is not finite")

    def _diverged(self, what: str) -> TrainingError:
        last = self.plan.last
        kept = (
            f" The last checkpoint, {last}, is as it was."
            if last is not None and last.exists()
            else ""
        )
        return TrainingError(
            f"{what}: lower the learning rates, clip the gradient, or look for NaN in the "
            f"inputs.{kept}"
        )

    def _backward(self, episodes: Episode) -> Tensor:
        if self.compiled is not None:
            return self.compiled(episodes)
        total = episodes.num_tasks
        part = self.plan.tasks_per_backward or total
        values = []
        for first in range(0, total, part):
            chunk = episodes[first : first + part] if part < total else episodes
            losses = self.learner.losses(chunk)
            outer = OuterStep(self.learner, chunk, self.optimizer.param_groups[0]["lr"])
            self.places = check_places(self.balancer, outer, self.places)
            descend(self.balancer, losses, outer, len(losses) / total)
            values.append(losses.detach())
        return torch.cat(values)

    def check(self) -> None:
        """Raise at the start if the optimiser does not fit, or something could not be saved later.

        Raises:
            UserError: If so.
        """
        groups = self.optimizer.param_groups
        own = {id(parameter) for parameter in self.parameters}
        trained = any(id(parameter) in own for group in groups for parameter in group["params"])
        require(trained, "The optimiser should be one of the learner's parameters. Found others.")
        followed = None if self.scheduler is None else self.scheduler.optimizer
        require(
            followed in (None, self.optimizer),
            "The scheduler should be one of the run's optimiser. Found that of another.",
        )
        if self.plan.out is not None:
            description_of(self.learner)
            if self.scheduler is not None:
                _plain(self.scheduler.state_dict())

    def save(self, path: Path) -> None:
        """Write a checkpoint of everything that the next step depends on."""
        tensors, details = pack(self.learner, self.optimizer)
        tensors |= {f"balancer/{name}": value for name, value in state_of(self.balancer).items()}
        source = self.source.state()
        of_source = {name: value for name, value in source.items() if isinstance(value, Tensor)}
        tensors |= {f"source/{name}": value for name, value in of_source.items()}
        plain = {name: value for name, value in source.items() if name not in of_source}
        details["scheduler"] = None
        if self.scheduler is not None:
            details["scheduler"] = _plain(self.scheduler.state_dict())
        progress = {name: getattr(self.fitted, name) for name in ("step", "seconds", "best")}
        write(path, tensors, details | progress | {"seed": self.plan.seed, "source": plain})

    def resume(self, path: Path) -> None:
        """Go back to the checkpoint at ``path``.

        Raises:
            UserError: If it is one of another run.
        """
        tensors, details = read(path)
        self._check_same(details)
        check_optimizer(self.optimizer, details)
        restore_state(self.balancer, _under("balancer/", tensors))
        self.source.restore(details.get("source", {}) | _under("source/", tensors))
        restore_learner(self.learner, tensors, path)
        restore_optimizer(self.optimizer, tensors, details)
        if self.scheduler is not None and details["scheduler"] is not None:
            self.scheduler.load_state_dict(details["scheduler"])
        best = details["best"]
        self.fitted.step, self.fitted.seconds = details["step"], details["seconds"]
        self.fitted.best = None if best is None else (best[0], best[1])

    def _check_same(self, details: dict[str, Any]) -> None:
        """Raise if a checkpoint is one of another seed or learner."""
        seed = self.plan.seed
        require(
            details["seed"] == seed,
            f"A resumed run should have the seed it was begun with, {details['seed']}. Found "
            f"seed={seed}.",
        )
        begun = details["learner"]["class"]
        found = description_of(self.learner)["class"]
        require(
            begun == found,
            f"A resumed run should have the learner it was begun with, {begun}. Found {found}.",
        )

    def keep_best(self) -> None:
        """Keep the weights as the best so far: in the run's folder, or in memory without one."""
        if self.plan.out is not None:
            self.save(self.plan.out / "best.safetensors")
        else:
            state = self.learner.state_dict()
            self.best_weights = {name: value.detach().clone() for name, value in state.items()}

    def back_to_best(self) -> None:
        """Give the learner the weights that were kept as the best, if there are any."""
        path = None if self.plan.out is None else self.plan.out / "best.safetensors"
        if self.best_weights is not None:
            self.learner.load_state_dict(self.best_weights)
        elif path is not None and path.exists():
            restore_learner(self.learner, read(path)[0], path)


def trainable(module: nn.Module) -> list[nn.Parameter]:
    """List the parameters that have ``requires_grad``."""
    return [parameter for parameter in module.parameters() if parameter.requires_grad]


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give the tensors whose name begins with ``prefix``, without it."""
    kept = [name for name in tensors if name.startswith(prefix)]
    return {name.removeprefix(prefix): tensors[name] for name in kept}


def _plain(state: dict[str, Any]) -> dict[str, Any]:
    """Give the part of a scheduler's state that JSON holds.

    Functions and milestones are the caller's to give again.

    Raises:
        UserError: If it holds parts, of schedulers inside a scheduler, that JSON would change or
            lose.
    """
    kept = {
        name: value
        for name, value in state.items()
        if isinstance(value, (int, float, bool, str, list, type(None)))
    }
    try:
        same = json.loads(json.dumps(kept)) == kept
    except TypeError:
        same = False
    require(
        same,
        "This scheduler, made of others, could not be resumed exactly: write it as one "
        "torch.optim.lr_scheduler.LambdaLR.",
    )
    return kept
