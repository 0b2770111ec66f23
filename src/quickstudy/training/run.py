"""The moving parts of a training run: one outer step, its checkpoint, and going back to it."""

from dataclasses import dataclass
from functools import cached_property
from itertools import chain
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
from quickstudy.training.checkpoint import description_of, pack, read, restore_learner, write
from quickstudy.training.collect import collect
from quickstudy.training.named import divided, prefixed, unprefixed
from quickstudy.training.optimizer_state import (
    Scheduler,
    check_optimizer,
    restore_optimizer,
    restore_schedule,
    schedule_state,
)
from quickstudy.training.plan import Plan


@dataclass
class Fitted:
    """The state in which training leaves a run.

    Attributes:
        step: Steps taken in all, including resumed parts.
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

    def progress(self) -> dict[str, object]:
        """Give the progress in plain values, for a checkpoint."""
        return {"step": self.step, "seconds": self.seconds, "best": self.best}

    def restore(self, details: dict[str, Any]) -> None:
        """Go back to the progress in a checkpoint's details."""
        best = details["best"]
        self.step, self.seconds = details["step"], details["seconds"]
        self.best = None if best is None else (best[0], best[1])


@dataclass
class Run:
    """The parts of a run that change, and the plan, which does not change.

    Attributes:
        learner: The learner that is trained.
        source: The source of the training tasks.
        optimizer: Takes the steps.
        scheduler: Changes the optimiser's rate.
        balancer: Makes one loss of several losses.
        plan: The settings.
        fitted: The progress so far.
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

    @property
    def rate(self) -> float:
        """The learning rate of the optimiser's first group."""
        found: float = self.optimizer.param_groups[0]["lr"]
        return found

    @property
    def ended(self) -> bool:
        """Whether all steps were taken."""
        return self.fitted.step >= self.plan.steps

    def step(self, index: int) -> float:
        """Take step ``index`` and give its mean loss.

        Raises:
            TrainingError: If the loss or its gradient is not finite; no weight has changed.
        """
        plan = self.plan
        moment = Moment(plan.seed, "train", index)
        episodes = collect(self.source, self.learner, plan.tasks_per_step, moment)
        losses = self._losses(episodes, index)
        self._check_losses(losses, index)
        self._clip(index)
        self._descend()
        self.source.told(episodes, losses, episodes.moment)
        return losses.mean().item()

    def _losses(self, episodes: Episode, index: int) -> Tensor:
        """Give the losses ``[task]`` of a step, and put their gradient on the parameters."""
        self.optimizer.zero_grad(set_to_none=True)
        with ambient(self.plan.seed, "layers", index):
            return self._backward(episodes) if self.compiled is None else self.compiled(episodes)

    def _descend(self) -> None:
        """Step along the gradient, and change the rate for the next step."""
        self.optimizer.step()
        if self.scheduler is not None:
            self.scheduler.step()

    def _check_losses(self, losses: Tensor, index: int) -> None:
        """Raise if a loss is not finite."""
        wrong = _not_finite(losses)
        if wrong:
            raise self._diverged(f"The loss of step {index + 1} is not finite (tasks {wrong[:5]})")

    def _clip(self, index: int) -> None:
        """Clip the gradient; raise if it is not finite."""
        norm = nn.utils.clip_grad_norm_(self.parameters, self.plan.largest_norm)
        if not bool(norm.isfinite()):
            raise self._diverged(f"The gradient of step {index + 1} is not finite")

    def _diverged(self, fault: str) -> TrainingError:
        last = self.plan.last
        exists = last is not None and last.exists()
        kept = f" The last checkpoint, {last}, is as it was." if exists else ""
        return TrainingError(
            f"{fault}: lower the learning rates, clip the gradient, or look for NaN in the "
            f"inputs.{kept}"
        )

    def _backward(self, episodes: Episode) -> Tensor:
        """Add up the gradients of all tasks, as many at a time as the plan says."""
        total = episodes.num_tasks
        part = self.plan.tasks_per_backward or total
        if part >= total:
            return self._backward_of(episodes, total)
        chunks = (episodes[first : first + part] for first in range(0, total, part))
        return torch.cat([self._backward_of(chunk, total) for chunk in chunks])

    def _backward_of(self, chunk: Episode, total: int) -> Tensor:
        """Add the gradient of some of ``total`` tasks, and give their losses ``[task]``."""
        losses = self.learner.losses(chunk)
        outer = OuterStep(self.learner, chunk, self.rate)
        self.places = check_places(self.balancer, outer, self.places)
        descend(self.balancer, losses, outer, len(losses) / total)
        return losses.detach()

    def check(self) -> None:
        """Check the optimiser, and that everything can be saved later.

        Raises:
            UserError: If the optimiser does not fit, or something could not be saved.
        """
        self._check_optimizer()
        if self.plan.out is not None:
            description_of(self.learner)
            schedule_state(self.scheduler)

    def _check_optimizer(self) -> None:
        """Raise if the optimiser is of another learner, or the scheduler of another optimiser."""
        trained = not self._taken().isdisjoint(map(id, self.parameters))
        require(trained, "The optimiser should be one of the learner's parameters. Found others.")
        followed = None if self.scheduler is None else self.scheduler.optimizer
        require(
            followed in (None, self.optimizer),
            "The scheduler should be one of the run's optimiser. Found that of another.",
        )

    def _taken(self) -> set[int]:
        """Give the identities of the optimiser's parameters."""
        groups = (group["params"] for group in self.optimizer.param_groups)
        return set(map(id, chain.from_iterable(groups)))

    def save(self, path: Path) -> None:
        """Write a checkpoint of everything that the next step depends on."""
        tensors, details = pack(self.learner, self.optimizer)
        of_source, plain = divided(self.source.state())
        tensors |= prefixed("balancer/", state_of(self.balancer)) | prefixed("source/", of_source)
        details["scheduler"] = schedule_state(self.scheduler)
        details |= self.fitted.progress()
        write(path, tensors, details | {"seed": self.plan.seed, "source": plain})

    def save_last(self) -> None:
        """Write the run's last checkpoint, if it has a folder."""
        if self.plan.last is not None:
            self.save(self.plan.last)

    def resume(self, path: Path) -> None:
        """Go back to the checkpoint at ``path``.

        Raises:
            UserError: If it is a checkpoint of another run.
        """
        tensors, details = read(path)
        self._check_same(details)
        check_optimizer(self.optimizer, details)
        self._restore(tensors, details, path)
        self.fitted.restore(details)

    def _restore(self, tensors: dict[str, Tensor], details: dict[str, Any], path: Path) -> None:
        """Put the saved state into every part of the run."""
        restore_state(self.balancer, unprefixed("balancer/", tensors))
        self.source.restore(details.get("source", {}) | unprefixed("source/", tensors))
        restore_learner(self.learner, tensors, path)
        restore_optimizer(self.optimizer, tensors, details)
        restore_schedule(self.scheduler, details["scheduler"])

    def _check_same(self, details: dict[str, Any]) -> None:
        """Raise if a checkpoint has another seed or learner."""
        seed, found = self.plan.seed, description_of(self.learner)["class"]
        _check_begun("seed", details["seed"], seed, f"seed={seed}")
        _check_begun("learner", details["learner"]["class"], found, found)

    def keep_best(self) -> None:
        """Keep the weights as the best so far: in the run's folder, or in memory without one."""
        best = self.plan.best
        if best is not None:
            self.save(best)
        else:
            self.best_weights = _copied(self.learner.state_dict())

    def back_to_best(self) -> None:
        """Give the learner the weights that were kept as the best, if there are any."""
        best = self.plan.best
        if self.best_weights is not None:
            self.learner.load_state_dict(self.best_weights)
        elif best is not None and best.exists():
            restore_learner(self.learner, read(best)[0], best)


def _check_begun(name: str, begun: object, found: object, text: str) -> None:
    """Raise if a resumed run differs in ``name`` from the checkpoint."""
    require(
        begun == found,
        f"A resumed run should have the {name} it was begun with, {begun}. Found {text}.",
    )


def _not_finite(losses: Tensor) -> list[int]:
    """List the tasks whose loss is not finite."""
    found: list[int] = (~losses.isfinite()).nonzero().flatten().tolist()
    return found


def _copied(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in weights.items()}


def trainable(module: nn.Module) -> list[nn.Parameter]:
    """List the parameters that have ``requires_grad``."""
    return [parameter for parameter in module.parameters() if parameter.requires_grad]
