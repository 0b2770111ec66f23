"""Auto-Lambda: task weights that make a step on the training rows good for the validation rows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from quickstudy.balance.look_ahead import descent_of, differences, moved, slopes
from quickstudy.balance.step import OuterStep, have_queries, trained
from quickstudy.balance.task_weights import AdamByTask, TaskWeights
from quickstudy.episode import Episode
from quickstudy.errors import require, require_at_least
from quickstudy.learners import Learner
from quickstudy.tasks import TaskSource

WAYS = ("exact", "differences")
"""The ways to look ahead."""


class AutoLambda(TaskWeights):
    """Meta-learn task weights by the validation loss after a weighted step of the network.

    With task weights ``λ``, training losses ``L``, the look-ahead
    ``θ' = θ − α ∇_θ 1/n Σ_i λ_i L_i(θ)`` at the run's learning rate ``α``, and the validation loss
    ``V`` (the mean over the tasks that count), ``λ`` descends ``V(θ')``, whose gradient is

    ``∂V(θ')/∂λ_i = −α/n ⟨∇L_i(θ), v⟩``, with ``v = ∇V(θ')``.

    A task gains weight if its gradient agrees with the validation gradient, and falls towards 0 if
    it does not. By default the products are exact, by differentiating ``Σ_i λ_i ⟨∇L_i, v⟩`` by
    ``λ``. They can also be differences, as in the paper: ``(L_i(θ + ε v) − L_i(θ − ε v)) / 2ε``
    with ``ε = 0.001 / ‖v‖``, for learners whose losses are differentiable only once (stepwise and
    implicit outer gradients). The differences were right to 0.2 % and slower. A step costs about
    three plain ones.

    Args:
        num_tasks: Tasks; their identities are 0 to ``num_tasks − 1``.
        validation: Source of validation rows of these tasks, which are not trained on. After
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
        Hessian is exact. Validation rows are not trained on. ``λ`` starts at 1, is never
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
        self.validation, self.validation_tasks = validation, validation_tasks
        self.look_ahead, self.lr = look_ahead, lr
        self.primary = primary
        self._check()
        self.optimiser = AdamByTask(num_tasks, lr)

    def _check(self) -> None:
        """Raise unless the parameters are in range."""
        _check_primary(self.primary, self.num_tasks)
        require_at_least(1, validation_tasks=self._count)
        require(
            self.look_ahead in WAYS,
            f"Parameter `look_ahead` should be {' or '.join(map(repr, WAYS))}. "
            f"Found {self.look_ahead!r}.",
        )

    @property
    def _count(self) -> int:
        """The number of tasks of a validation."""
        return self.num_tasks if self.validation_tasks is None else self.validation_tasks

    def weigh(self, losses: Tensor, step: OuterStep) -> Tensor:
        """Step ``λ`` and return it: the network descends with the new weights."""
        gradient, seen = self.by_task(self.gradient(losses, step), step)
        self.weights = self.optimiser.descend_with_sum(
            self.weights, gradient.to(self.weights.dtype), seen
        )
        return self.weights

    def gradient(self, losses: Tensor, step: OuterStep) -> Tensor:
        """Give the derivative of the validation loss by the weight of each task of the step.

        Returns:
            ``∂V(θ')/∂λ`` ``[task]``; 0 if no task that counts was drawn.
        """
        held = self._validation_tasks(step).to(losses.device)
        counts = have_queries(held) & self._is_primary(held.task)
        if not bool(counts.any()):
            return torch.zeros_like(losses)
        return -step.lr / step.count * self._along_validation(losses, step, held, counts)

    def _along_validation(
        self, losses: Tensor, step: OuterStep, held: Episode, counts: Tensor
    ) -> Tensor:
        """Give the slopes of the losses along the validation gradient one step ahead ``[task]``."""
        weights = self._of_step(step).to(losses.dtype).requires_grad_()
        exact = self.look_ahead == "exact"
        descent = descent_of(losses, weights, step, exact)
        ahead = moved(step, descent)
        v = _validation_gradient(ahead, held, counts)
        return slopes(descent, weights, v) if exact else differences(ahead, v, step)

    def _of_step(self, step: OuterStep) -> Tensor:
        """Give the weights of the losses of a step, which are a share of their mean ``[task]``."""
        return self.weights[step.episodes.task] / step.count

    def _validation_tasks(self, step: OuterStep) -> Episode:
        """Draw the validation tasks of a step."""
        moment = replace(step.episodes.moment, purpose="auto_lambda")
        return self.validation.sample(self._count, moment)

    def _is_primary(self, task: Tensor) -> Tensor:
        """Say which identities belong to tasks that count."""
        if self.primary is None:
            return torch.ones_like(task, dtype=torch.bool)
        return torch.isin(task, torch.tensor(list(self.primary), device=task.device))


def _check_primary(primary: Sequence[int] | None, num_tasks: int) -> None:
    """Raise if a primary task is none of the tasks, or if there is none."""
    if primary is None:
        return
    wrong = [task for task in primary if not 0 <= task < num_tasks]
    require(
        not wrong,
        f"Parameter `primary` should hold identities from 0 to {num_tasks - 1}. Found {wrong[:1]}.",
    )
    require(
        len(primary) > 0,
        "Parameter `primary` should name a task that counts. Found none.",
    )


def _validation_gradient(ahead: Learner, held: Episode, counts: Tensor) -> tuple[Tensor, ...]:
    """Give the gradient of the mean loss of the tasks that count, by trained parameter."""
    loss = ahead.losses(held)[counts].mean()
    return torch.autograd.grad(loss, trained(ahead), allow_unused=True, materialize_grads=True)


__all__ = ["AutoLambda"]
