"""A balancer turns the losses of several tasks into the one step that they share."""

from collections.abc import Callable, Sequence

from torch import Tensor, nn
from torchjd import Stateful
from torchjd.aggregation import Aggregator
from torchjd.autojac import backward, jac_to_grad
from torchjd.scalarization import Scalarizer

from quickstudy.errors import UserError

Balancer = Callable[[Tensor], Tensor] | Aggregator
"""Maps losses ``[task]`` to a scalar, or the gradients of all tasks to one.

Any function; TorchJD's scalarizers (``UW``, ``DWA``, ``Constant``, ``Random``, ...), which combine losses; and its aggregators (``UPGrad``,
``PCGrad``, ``CAGrad``, ``MGDA``, ``NashMTL``, ``AlignedMTL``, ...), which combine gradients.
"""


def mean(losses: Tensor) -> Tensor:
    """``1/T Σ_t losses[t]``: meta-learning's balancer, all tasks count alike."""
    return losses.mean()


def descend(balancer: Balancer, losses: Tensor, task: Tensor, parameters: Sequence[Tensor], share: float = 1.0) -> None:
    """Add the balanced gradient of ``losses`` ``[task]`` to the ``grad`` of the ``parameters``, times ``share``.

    An aggregator is given a gradient for each task: the graph of the losses is walked once a task. TorchJD's objects are given the
    losses in the order of the identities ``task`` ``[task]``, so that one that remembers a task finds it at its place.

    Raises:
        UserError: If the balancer cannot serve so many losses.
    """
    if not isinstance(balancer, Aggregator | Scalarizer):
        (balancer(losses) * share).backward()
        return
    ordered = losses[task.argsort(stable=True)]
    try:
        if isinstance(balancer, Aggregator):
            inputs = [parameter for parameter in parameters if parameter.requires_grad]
            backward(ordered, inputs=inputs, parallel_chunk_size=1)  # the losses may come from functions that vmap cannot see through
            jac_to_grad(inputs, balancer)
        else:
            (balancer(ordered) * share).backward()
    except ValueError as error:
        raise UserError(f"Balancer {balancer} cannot serve a step of {len(losses)} tasks: {error}") from error


def parameters_of(balancer: Balancer) -> dict[str, Tensor]:
    """What a balancer learns itself, by name: uncertainties, for one."""
    return dict(balancer.named_parameters()) if isinstance(balancer, nn.Module) else {}


def remembers_elsewhere(balancer: Balancer) -> bool:
    """Whether a balancer keeps something from step to step that is not among its parameters, so that it cannot be saved."""
    parts = list(balancer.modules()) if isinstance(balancer, nn.Module) else []
    return any(isinstance(part, Stateful) and not list(part.parameters(recurse=False)) for part in parts)


__all__ = ["Balancer", "descend", "mean", "parameters_of", "remembers_elsewhere"]
