"""Auto-Lambda: task weights that make a step on the training rows good for the validation rows."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from quickstudy.balance.step import OuterStep
from quickstudy.balance.task_weights import AdamByTask, TaskWeights, with_sum
from quickstudy.episode import Episode
from quickstudy.errors import UserError, require
from quickstudy.learners import Learner
from quickstudy.random import ambient
from quickstudy.tasks import TaskSource

NUDGE = 0.001
"""The length of the differences to either side, in the space of the weights."""


class AutoLambda(TaskWeights):
    """Meta-learn task weights ``λ`` by the validation loss after a weighted step of the network.

    With training losses ``L``, the look-ahead ``θ' = θ − α ∇_θ 1/n Σ_i λ_i L_i(θ)`` at the run's
    learning rate ``α``, and the validation loss ``V`` (the mean over the tasks that count), ``λ``
    descends ``V(θ')``, whose gradient is

    ``∂V(θ')/∂λ_i = −α/n ⟨∇L_i(θ), v⟩``, with ``v = ∇V(θ')``.

    A task gains weight if its gradient agrees with the validation gradient, and falls towards 0 if
    it does not. The products are exact, by deriving ``Σ_i λ_i ⟨∇L_i, v⟩`` by ``λ``. Or they are
    differences, as in the paper: ``(L_i(θ + ε v) − L_i(θ − ε v)) / 2ε`` with ``ε = 0.001 / ‖v‖``,
    for learners whose losses are differentiable only once (stepwise and implicit outer gradients).
    The differences were right to 0.2 % and slower. A step costs about three plain ones.

    Args:
        num_tasks: Tasks; their identities are 0 to ``num_tasks − 1``.
        validation: Source of validation rows of these tasks, none of which is trained on. After
            ``rows, held = table.split_rows(0.8)``, train on ``rows.episodes(...)`` and give
            ``held.episodes(...)`` here.
        primary: The identities of the tasks that count; the others are auxiliary. By default all
            count.
        lr: Learning rate of ``λ`` (Adam).
        validation_tasks: Tasks of a validation, by default ``num_tasks``.
        look_ahead: ``"exact"`` or ``"differences"``.

    Raises:
        UserError: If a number is out of range, or a primary task is none of the tasks.

    Source: Liu, James, Davison & Johns 2022, eq. 4-7. Differs from the paper: the product with the
        Hessian is exact. The validation rows are no training rows. ``λ`` starts at 1, is never
        negative, and is scaled to sum to the number of tasks, so that it does not change the
        learning rate.

    Example:
        >>> import quickstudy as qs
        >>> learner = qs.HardSharing(qs.models.MLP(1, 1), num_tasks=4)
        >>> tasks = qs.tasks.Sinusoid().episodes(shot=5, query=5)
        >>> balancer = qs.balance.AutoLambda(num_tasks=4, validation=tasks, primary=[0, 1])
        >>> options = {"tasks_per_step": 4, "balancer": balancer, "progress": False}
        >>> qs.fit(learner, tasks, steps=2, **options).step
        2
    """

    def __init__(
        self,
        num_tasks: int,
        validation: TaskSource,
        primary: Sequence[int] | None = None,
        lr: float = 0.01,
        validation_tasks: int | None = None,
        look_ahead: Literal["exact", "differences"] = "exact",
    ) -> None:
        super().__init__(num_tasks)
        if primary is not None:
            _check_primary(primary, num_tasks)
        count = num_tasks if validation_tasks is None else validation_tasks
        require(
            count >= 1,
            f"Parameter `validation_tasks` should be at least 1. Found validation_tasks={count}.",
        )
        require(
            look_ahead in ("exact", "differences"),
            f"Parameter `look_ahead` should be 'exact' or 'differences'. Found {look_ahead!r}.",
        )
        self.look_ahead, self.lr = look_ahead, lr
        self.validation, self.validation_tasks = validation, validation_tasks
        self.primary = primary
        self.optimiser = AdamByTask(num_tasks, lr)

    def weigh(self, losses: Tensor, step: OuterStep) -> Tensor:
        """Step ``λ`` and return it: the network descends with the new weights."""
        gradient, seen = self.by_task(self.gradient(losses, step), step)
        moved = self.optimiser.descend(self.weights, gradient.to(self.weights.dtype), seen)
        self.weights = with_sum(moved, self.weights, seen)
        return self.weights

    def gradient(self, losses: Tensor, step: OuterStep) -> Tensor:
        """Return ``∂V(θ')/∂λ`` of each task of the step ``[task]``.

        It is 0 if no task that counts was drawn.
        """
        held, counts = self._validation_tasks(step, losses.device)
        if not bool(counts.any()):
            return torch.zeros_like(losses)
        theta, exact = step.parameters, self.look_ahead == "exact"
        weights = (self.weights[step.episodes.task] / step.count).to(losses.dtype).requires_grad_()
        descent = torch.autograd.grad(
            losses, theta, weights, True, exact, allow_unused=True, materialize_grads=True
        )
        # its weights and running averages may change
        copy = deepcopy(step.learner)
        place(copy, theta, descent, -step.lr)
        v = _validation_gradient(copy, held, counts)
        along = slopes(descent, weights, v) if exact else differences(copy, theta, v, step)
        return -step.lr / step.count * along

    def _validation_tasks(self, step: OuterStep, device: torch.device) -> tuple[Episode, Tensor]:
        """Draw the validation tasks of a step, and say which of them count ``[task]``."""
        count = self.num_tasks if self.validation_tasks is None else self.validation_tasks
        moment = replace(step.episodes.moment, purpose="auto_lambda")
        held = self.validation.sample(count, moment).to(device)
        return held, (held.query.mask > 0).any(1) & self._is_primary(held.task)

    def _is_primary(self, task: Tensor) -> Tensor:
        if self.primary is None:
            return torch.ones_like(task, dtype=torch.bool)
        return torch.isin(task, torch.tensor(list(self.primary), device=task.device))


def _check_primary(primary: Sequence[int], num_tasks: int) -> None:
    """Raise if a primary task is none of the tasks, or if there is none."""
    wrong = [task for task in primary if not 0 <= task < num_tasks]
    require(
        not wrong,
        f"Parameter `primary` should hold identities from 0 to {num_tasks - 1}. Found {wrong[:1]}.",
    )
    require(
        len(primary) > 0,
        "Parameter `primary` should name a task that counts. Found none.",
    )


def _validation_gradient(copy: Learner, held: Episode, counts: Tensor) -> tuple[Tensor, ...]:
    """Return ``∇V`` by the parameters of ``copy`` that are trained."""
    moved = [parameter for parameter in copy.parameters() if parameter.requires_grad]
    loss = copy.losses(held)[counts].mean()
    return torch.autograd.grad(loss, moved, allow_unused=True, materialize_grads=True)


def slopes(descent: Sequence[Tensor], weights: Tensor, v: Sequence[Tensor]) -> Tensor:
    """Return ``⟨∇L_i, v⟩`` ``[task]``: ``descent`` along ``v``, derived by the weights.

    Args:
        descent: ``Σ_i weights_i ∇L_i``, by parameter.
        weights: The weights of the tasks ``[task]``.
        v: A direction, by parameter.

    Raises:
        UserError: If the losses come from a function that is differentiable only once.
    """
    pairs = [(part, along) for part, along in zip(descent, v, strict=True) if part.requires_grad]
    parts = [part for part, _ in pairs]
    directions = [along for _, along in pairs]
    try:
        return torch.autograd.grad(parts, weights, directions, retain_graph=True)[0]
    except RuntimeError as error:
        raise UserError(
            "The losses of this learner are differentiable only once: "
            f"give AutoLambda look_ahead='differences'. {error}"
        ) from error


def differences(
    copy: Learner, theta: Sequence[Tensor], v: Sequence[Tensor], step: OuterStep
) -> Tensor:
    """Return ``⟨∇L_i, v⟩`` ``[task]`` by central differences of the losses around ``theta``."""
    squares = torch.stack([part.square().sum() for part in v])
    length = NUDGE / squares.sum().sqrt().clamp(min=1e-12)
    moment, sides = step.episodes.moment, []
    for sign in (1, -1):
        place(copy, theta, v, sign * length)
        # the same dropout on both sides
        with torch.no_grad(), ambient(moment.seed, "layers", moment.step):
            sides.append(copy.losses(step.episodes))
    return (sides[0] - sides[1]) / (2 * length)


@torch.no_grad()
def place(
    learner: Learner, origin: Sequence[Tensor], direction: Sequence[Tensor], length: Tensor | float
) -> None:
    """Put ``origin + length · direction`` into the parameters of ``learner`` that are trained."""
    own = [parameter for parameter in learner.parameters() if parameter.requires_grad]
    for parameter, start, part in zip(own, origin, direction, strict=True):
        parameter.copy_(start + length * part)


__all__ = ["AutoLambda"]
