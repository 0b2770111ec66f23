"""GradNorm: weights that let all tasks train at similar rates."""

from collections.abc import Sequence

import torch
from torch import Tensor

from quickstudy.balance.step import OuterStep
from quickstudy.balance.task_weights import AdamByTask, TaskWeights
from quickstudy.errors import require
from quickstudy.learners import Learner


class GradNorm(TaskWeights):
    """Learn task weights that bring the norms of the tasks' gradients to a common scale.

    With ``W`` the last weights that the tasks share, ``G_i = ‖∇_W weights_i L_i‖``, ``Ḡ`` their
    mean over tasks, and the relative inverse training rate
    ``r_i = (L_i / L_i(0)) / mean_j (L_j / L_j(0))``, the weights descend

    ``L_grad = Σ_i |G_i − Ḡ r_i^alpha|``, with ``Ḡ r_i^alpha`` as a constant,

    so a task whose gradient is small, or that has learned less than others, gains weight. The
    weights are then scaled to sum to the number of tasks. The network descends with the weights
    before this change.

    Args:
        num_tasks: Tasks; their identities are 0 to ``num_tasks − 1``.
        alpha: How strongly training rates are pulled together; 0 asks only for equal norms.
        lr: Learning rate of the weights (Adam).
        shared: The parameters ``W``; by default the last matrix of the learner's model below the
            heads of single tasks.

    Raises:
        UserError: If a number is out of range, a loss is negative, or the losses do not depend on
            ``W``.

    Source: Chen, Badrinarayanan, Lee & Rabinovich 2018, eq. 1-2 and Algorithm 1. Differs from the
        paper: the weights are learned by Adam, whose steps do not depend on the scale of the
        losses. A step may hold only some of the tasks, whose weights then keep their sum.

    Example:
        >>> import quickstudy as qs
        >>> learner = qs.HardSharing(qs.models.MLP(1, 1), num_tasks=4)
        >>> tasks = qs.tasks.Sinusoid().episodes(shot=5, query=5)
        >>> balancer = qs.balance.GradNorm(num_tasks=4)
        >>> options = {"tasks_per_step": 4, "balancer": balancer, "progress": False}
        >>> qs.fit(learner, tasks, steps=3, **options).step
        3
        >>> round(balancer.weights.sum().item(), 4)
        4.0
    """

    initial: Tensor

    def __init__(
        self,
        num_tasks: int,
        alpha: float = 1.5,
        lr: float = 0.025,
        shared: Sequence[Tensor] | None = None,
    ) -> None:
        super().__init__(num_tasks)
        require(alpha >= 0, f"Parameter `alpha` should be at least 0. Found alpha={alpha}.")
        self.alpha, self.lr = alpha, lr
        self.shared = None if shared is None else tuple(shared)
        self.optimiser = AdamByTask(num_tasks, lr)
        self.register_buffer("initial", torch.zeros(num_tasks))

    def weigh(self, losses: Tensor, step: OuterStep) -> Tensor:
        """Return the weights so far; the norms of this step make the next ones."""
        loss, seen = self.by_task(losses, step)
        _check_losses(loss)
        norms, _ = self.by_task(self._norms(losses, step), step)
        self._keep_initial(loss, seen)
        used = self.weights
        gradient = self.gradient(loss, norms, seen)
        self.weights = self.optimiser.descend_with_sum(used, gradient, seen)
        return used

    def gradient(self, loss: Tensor, norms: Tensor, seen: Tensor) -> Tensor:
        """Give the derivative of the distance from the common scale by the weights.

        Args:
            loss: The loss of each task ``[num_tasks]``.
            norms: The norm of its gradient, unweighted ``[num_tasks]``.
            seen: Whether the step holds the task ``[num_tasks]``; if not, the result is 0.

        Returns:
            ``∂L_grad / ∂weights`` ``[num_tasks]``.
        """
        weighted = torch.where(seen, self.weights * norms, 0)
        scale = weighted.sum() / seen.sum().clamp(min=1)
        target = scale * self._rates(loss, seen) ** self.alpha
        return torch.where(seen, torch.sign(weighted - target) * norms, 0).to(self.weights.dtype)

    def _rates(self, loss: Tensor, seen: Tensor) -> Tensor:
        """Give the relative inverse training rates ``r`` ``[num_tasks]``."""
        ratio = torch.where(seen, loss / self.initial.clamp(min=1e-12), 0)
        return ratio / (ratio.sum() / seen.sum().clamp(min=1)).clamp(min=1e-12)

    def _keep_initial(self, loss: Tensor, seen: Tensor) -> None:
        """Keep the losses of tasks that are seen for the first time."""
        first = seen & (self.optimiser.count == 0)
        self.initial = torch.where(first, loss.to(self.initial.dtype), self.initial)

    def _norms(self, losses: Tensor, step: OuterStep) -> Tensor:
        """Give the norm of the gradient of each task ``[task]``, unweighted."""
        shared = last_shared(step.learner) if self.shared is None else self.shared
        gradients = [_gradient_by(shared, loss) for loss in losses]
        _check_used(gradients)
        zero = losses.new_zeros(())
        return torch.stack([_square(parts, zero) for parts in gradients]).sqrt()


def _check_losses(loss: Tensor) -> None:
    """Raise if a loss is negative."""
    require(
        bool((loss >= 0).all()),
        "GradNorm compares losses with those at the start: none should be negative. "
        f"Found {loss.min():.3g}.",
    )


def _check_used(gradients: Sequence[Sequence[Tensor | None]]) -> None:
    """Raise if no loss depends on any of the parameters."""
    require(
        any(part is not None for parts in gradients for part in parts),
        "Parameter `shared` of GradNorm should be parameters of the learner that its "
        "losses depend on. Found others.",
    )


def _gradient_by(shared: Sequence[Tensor], loss: Tensor) -> tuple[Tensor | None, ...]:
    """Give the gradient of a task's loss by parameter; the graph is kept for the other tasks."""
    return torch.autograd.grad(loss, shared, retain_graph=True, allow_unused=True)


def _square(parts: Sequence[Tensor | None], zero: Tensor) -> Tensor:
    """Give the squared norm of a gradient that is given by parameter."""
    return sum((part.square().sum() for part in parts if part is not None), zero)


def last_shared(learner: Learner) -> tuple[Tensor, ...]:
    """Return the last matrix of the learner's model, below the heads of single tasks.

    Raises:
        UserError: If there is none.
    """
    matrices = [weight for weight in _below_heads(learner) if _is_trained_matrix(weight)]
    require(
        bool(matrices),
        f"Parameter `shared` of GradNorm is needed: {type(learner).__name__} has no weights "
        "that all tasks share.",
    )
    return (matrices[-1],)


def _below_heads(learner: Learner) -> list[Tensor]:
    """Give the parameters of the learner's model, except the heads of single tasks."""
    model, heads = getattr(learner, "model", None), learner.head_names
    named = [] if model is None else model.named_parameters()
    return [weight for name, weight in named if name not in heads]


def _is_trained_matrix(weight: Tensor) -> bool:
    return weight.requires_grad and weight.ndim >= 2


__all__ = ["GradNorm", "last_shared"]
