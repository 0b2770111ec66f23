"""The moving parts of a training run: one outer step, its checkpoint, and going back to it."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from quickstudy.balance import Balancer, OuterStep, check_places, descend, restore_state, state_of
from quickstudy.episode import Episode
from quickstudy.errors import TrainingError, require
from quickstudy.learners import Learner
from quickstudy.random import Moment, ambient
from quickstudy.tasks import TaskSource
from quickstudy.training.checkpoint import (
    check_optimizer,
    pack,
    read,
    restore_learner,
    restore_optimizer,
    write,
)
from quickstudy.training.collect import collect
from quickstudy.training.spec import spec_of

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
class Run:
    """What one call of fit works with; its arguments are those of :func:`~quickstudy.fit`."""

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
    best_weights: dict[str, Tensor] | None = None
    places: Tensor | None = None

    def step(self, index: int) -> float:
        """Take step ``index`` and return its mean loss; no weight changes where the loss or its gradient is not finite."""
        moment = Moment(self.seed, "train", index)
        episodes = collect(self.train, self.learner, self.tasks_per_step, moment)
        self.optimizer.zero_grad(set_to_none=True)
        with ambient(self.seed, "layers", index):
            losses = self._backward(episodes)
        if not bool(losses.isfinite().all()):
            wrong = (~losses.isfinite()).nonzero().flatten().tolist()
            raise self._diverged(f"The loss of step {index + 1} is not finite (tasks {wrong[:5]})")
        norm = torch.nn.utils.clip_grad_norm_(
            self.parameters, math.inf if self.clip_gradient is None else self.clip_gradient
        )
        if not bool(norm.isfinite()):
            raise self._diverged(f"The gradient of step {index + 1} is not finite")
        self.optimizer.step()
        if self.scheduler is not None:
            self.scheduler.step()
        self.train.told(episodes, losses, episodes.moment)
        return losses.mean().item()

    def _diverged(self, what: str) -> TrainingError:
        last = None if self.fitted.out is None else self.fitted.out / "last.safetensors"
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
        total, part = episodes.num_tasks, self.tasks_per_backward or episodes.num_tasks
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
        """Refuse at the start what could not be saved later."""
        if self.fitted.out is not None and self.scheduler is not None:
            _plain(self.scheduler.state_dict())

    def save(self, path: Path, **more: object) -> None:
        """Write a checkpoint of everything that the next step depends on."""
        tensors, details = pack(self.learner, self.optimizer)
        tensors |= {f"balancer/{name}": value for name, value in state_of(self.balancer).items()}
        source = self.train.state()
        of_source = {name: value for name, value in source.items() if isinstance(value, Tensor)}
        tensors |= {f"source/{name}": value for name, value in of_source.items()}
        plain = {name: value for name, value in source.items() if name not in of_source}
        scheduler = None if self.scheduler is None else _plain(self.scheduler.state_dict())
        progress = {
            "step": self.fitted.step,
            "seconds": self.fitted.seconds,
            "best": self.fitted.best,
            "seed": self.seed,
        }
        write(path, tensors, details | progress | {"scheduler": scheduler, "source": plain} | more)

    def resume(self, path: Path) -> None:
        """Go back to the checkpoint at ``path``."""
        tensors, details = read(path)
        require(
            details["seed"] == self.seed,
            f"A resumed run should have the seed it was begun with, {details['seed']}. Found "
            f"seed={self.seed}.",
        )
        begun, found = details["spec"]["learner"], spec_of(self.learner)["learner"]
        require(
            begun == found,
            f"A resumed run should have the learner it was begun with, {begun}. Found {found}.",
        )
        check_optimizer(self.optimizer, details)
        restore_state(self.balancer, _under("balancer/", tensors))
        self.train.restore(details.get("source", {}) | _under("source/", tensors))
        restore_learner(self.learner, tensors, path)
        restore_optimizer(self.optimizer, tensors, details)
        if self.scheduler is not None and details["scheduler"] is not None:
            self.scheduler.load_state_dict(details["scheduler"])
        best = details["best"]
        self.fitted.step, self.fitted.seconds = details["step"], details["seconds"]
        self.fitted.best = None if best is None else (best[0], best[1])

    def keep_best(self) -> None:
        """Keep the weights as the best so far: in the run's folder, or in memory where it has none."""
        if self.fitted.out is not None:
            self.save(self.fitted.out / "best.safetensors")
        else:
            self.best_weights = {
                name: value.detach().clone() for name, value in self.learner.state_dict().items()
            }

    def back_to_best(self) -> None:
        """Give the learner the weights that were kept as the best, if there are any."""
        if self.best_weights is not None:
            self.learner.load_state_dict(self.best_weights)
        elif (
            self.fitted.out is not None and (path := self.fitted.out / "best.safetensors").exists()
        ):
            restore_learner(self.learner, read(path)[0], path)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give the tensors whose name begins with ``prefix``, without it."""
    kept = [name for name in tensors if name.startswith(prefix)]
    return {name.removeprefix(prefix): tensors[name] for name in kept}


def _plain(state: dict[str, Any]) -> dict[str, Any]:
    """The part of a scheduler's state that JSON holds (functions and milestones are the caller's to
    give again).

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
