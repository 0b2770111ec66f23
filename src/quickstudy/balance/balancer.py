"""A balancer turns the losses of several tasks into the one step that they share."""

from collections.abc import Callable

from torch import Tensor
from torchjd.aggregation import Aggregator
from torchjd.autojac import backward, jac_to_grad
from torchjd.scalarization import Scalarizer

from quickstudy.balance.step import OuterStep
from quickstudy.balance.task_weights import TaskWeights
from quickstudy.errors import UserError

Balancer = Callable[[Tensor], Tensor] | Aggregator | TaskWeights
"""Maps losses ``[task]`` to a scalar, or the gradients of all tasks to one.

Any function; TorchJD's scalarizers (``UW``, ``Constant``, ``Random``, ...), which combine losses;
its aggregators (``UPGrad``, ``PCGrad``, ``CAGrad``, ``MGDA``, ``NashMTL``, ``AlignedMTL``, ...),
which combine gradients; and the weights that are learned for every task of a fixed set,
``GradNorm``, ``DWA`` and ``AutoLambda``.
"""


def mean(losses: Tensor) -> Tensor:
    """Return the mean of the losses: all tasks count alike, as usual in meta-learning."""
    return losses.mean()


def descend(balancer: Balancer, losses: Tensor, step: OuterStep, share: float = 1.0) -> None:
    """Add the balanced gradient of a step's losses to the ``grad`` of the learner's parameters.

    An aggregator gets a gradient of each task that has a query, so the graph of the losses is
    walked once a task. TorchJD's objects get the losses in the order of the tasks' identities, so
    that a balancer which remembers tasks finds each at its place.

    Args:
        balancer: Makes one step of the losses.
        losses: ``learner.losses(episodes)`` ``[task]``.
        step: The step that has these losses.
        share: The part of the step's tasks that these tasks are; the gradient is multiplied by it.

    Raises:
        UserError: If the balancer cannot serve this number of losses.

    Example:
        >>> import quickstudy as qs
        >>> learner = qs.MAML(qs.models.MLP(1, 1), 0.01)
        >>> tasks = qs.tasks.Sinusoid().episodes(shot=5, query=5)
        >>> episodes = tasks.sample(4, qs.Moment(0, "train"))
        >>> step = qs.balance.OuterStep(learner, episodes)
        >>> balancer = qs.balance.balancer_named("upgrad")
        >>> qs.balance.descend(balancer, learner.losses(episodes), step)
        >>> all(parameter.grad is not None for parameter in learner.parameters())
        True
    """
    if isinstance(balancer, TaskWeights):
        (balancer(losses, step) * share).backward()
    elif isinstance(balancer, Aggregator | Scalarizer):
        _descend_in_order(balancer, losses, step, share)
    else:
        (balancer(losses) * share).backward()


def _descend_in_order(
    balancer: Aggregator | Scalarizer, losses: Tensor, step: OuterStep, share: float
) -> None:
    """Descend by an object of TorchJD, which gets the losses in the order of the identities."""
    order = step.order
    try:
        if isinstance(balancer, Aggregator):
            # a gradient of 0 would stop some aggregators
            _aggregate(balancer, losses[order[step.present[order]]], step)
        else:
            (balancer(losses[order]) * share).backward()
    except ValueError as error:
        raise UserError(
            f"Balancer {balancer} cannot serve a step of {len(losses)} tasks: {error}"
        ) from error


def _aggregate(aggregator: Aggregator, losses: Tensor, step: OuterStep) -> None:
    """Add the aggregated gradient of the ``losses`` to the ``grad`` of the step's parameters."""
    inputs = step.parameters
    # vmap cannot see through all functions that losses come from
    backward(losses, inputs=inputs, parallel_chunk_size=1)
    jac_to_grad(inputs, aggregator)


__all__ = ["Balancer", "descend", "mean"]
