"""GradNorm: weights that let all tasks train at similar rates."""

from collections.abc import Sequence

import torch
from torch import Tensor

from quickstudy.balance.step import OuterStep
from quickstudy.balance.task_weights import AdamByTask, TaskWeights, with_sum
from quickstudy.errors import require
from quickstudy.learners import Learner


class GradNorm(TaskWeights):
    """Learned task weights that bring the norms of the tasks' gradients to a common scale.

    With ``W`` the last weights that the tasks share, ``G_i = ‖∇_W weights_i L_i‖``, ``Ḡ`` their
    mean over tasks, and the relative inverse training rate ``r_i = (L_i / L_i(0)) / mean_j (L_j /
    L_j(0))``, the weights descend

    ``L_grad = Σ_i |G_i − Ḡ r_i^alpha|``, with ``Ḡ r_i^alpha`` as a constant,

    so a task whose gradient is small, or that has learned less than others, gains weight. Then they
    are scaled to sum to the number of tasks. The network descends with the weights from before.

    Args:
        num_tasks: Tasks; their identities are 0 to ``num_tasks − 1``.
        alpha: How strongly training rates are pulled together; 0 asks for equal norms alone.
        lr: Learning rate of the weights (Adam).
        shared: The parameters ``W``; by default the last matrix of the learner's model below heads
            that tasks have of their own.

    Raises:
        UserError: If a number is out of range, a loss is negative, or ``W`` is not among what the
            losses depend on.

    Source: Chen, Badrinarayanan, Lee & Rabinovich 2018, eq. 1-2 and Algorithm 1. Differs from it:
        Adam on the weights, as its scale
    does not depend on that of the losses; a step may hold some of the tasks, whose weights then
    keep their sum.

    Example:
        >>> import quickstudy as qs
        >>> learner = qs.HardSharing(qs.models.MLP(1, 1), num_tasks=4)
        >>> tasks, balancer = qs.tasks.Sinusoid().episodes(shot=5, query=5), qs.balance.GradNorm(num_tasks=4)
        >>> qs.fit(learner, tasks, steps=3, tasks_per_step=4, balancer=balancer, progress=False).step
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
        self.alpha, self.lr, self.shared = alpha, lr, None if shared is None else tuple(shared)
        self.optimiser = AdamByTask(num_tasks, lr)
        self.register_buffer("initial", torch.zeros(num_tasks))

    def weigh(self, losses: Tensor, step: OuterStep) -> Tensor:
        """The weights so far; the next ones follow the norms of this step."""
        loss, seen = self.by_task(losses, step)
        require(
            bool((loss >= 0).all()),
            "GradNorm compares losses with those at the start: none should be negative. "
            f"Found {loss.min():.3g}.",
        )
        norms, _ = self.by_task(self._norms(losses, step), step)
        self.initial = torch.where(
            seen & (self.optimiser.count == 0), loss.to(self.initial.dtype), self.initial
        )
        used = self.weights
        moved = self.optimiser.descend(used, self.gradient(loss, norms, seen), seen)
        self.weights = with_sum(moved, used, seen)
        return used

    def gradient(self, loss: Tensor, norms: Tensor, seen: Tensor) -> Tensor:
        """``∂L_grad / ∂weights`` ``[num_tasks]`` from each task's loss and the norm of its gradient, unweighted; 0 where not ``seen``."""
        ratio = torch.where(seen, loss / self.initial.clamp(min=1e-12), 0)
        count = seen.sum().clamp(min=1)
        rate = ratio / (ratio.sum() / count).clamp(min=1e-12)
        weighted = torch.where(seen, self.weights * norms, 0)
        target = weighted.sum() / count * rate**self.alpha
        return torch.where(seen, torch.sign(weighted - target) * norms, 0).to(self.weights.dtype)

    def _norms(self, losses: Tensor, step: OuterStep) -> Tensor:
        """``‖∇_W L_i‖`` ``[task]``: the graph above ``W`` is walked once a task."""
        shared = last_shared(step.learner) if self.shared is None else self.shared
        found = [
            torch.autograd.grad(loss, shared, retain_graph=True, allow_unused=True)
            for loss in losses
        ]
        used = any(part is not None for parts in found for part in parts)
        require(
            used,
            "Parameter `shared` of GradNorm should be parameters of the learner that its "
            "losses depend on. Found others.",
        )
        squares = [
            sum((part.square().sum() for part in parts if part is not None), losses.new_zeros(()))
            for parts in found
        ]
        return torch.stack(squares).sqrt()


def last_shared(learner: Learner) -> tuple[Tensor, ...]:
    """The last matrix of the learner's model, below heads that tasks have of their own.

    Raises:
        UserError: If there is none.
    """
    model, heads = getattr(learner, "model", None), learner.head_names
    named = [] if model is None else list(model.named_parameters())
    matrices = [
        weight
        for name, weight in named
        if weight.requires_grad and weight.ndim >= 2 and name not in heads
    ]
    require(
        bool(matrices),
        f"Parameter `shared` of GradNorm is needed: {type(learner).__name__} has no weights "
        "that all tasks share.",
    )
    return (matrices[-1],)


__all__ = ["GradNorm", "last_shared"]
