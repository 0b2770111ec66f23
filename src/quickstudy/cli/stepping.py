"""Makes the parts of outer steps: balancer, optimiser and schedule."""

import torch

from quickstudy.balance import Balancer, balancer_named, parameters_of
from quickstudy.cli import catalog
from quickstudy.cli.asked import Asked
from quickstudy.cli.making import num_identities
from quickstudy.errors import require
from quickstudy.learners import Learner
from quickstudy.tasks import TaskSource


def make_balancer(asked: Asked, source: TaskSource) -> Balancer:
    """Make the balancer, for the tasks of a fixed set if it needs one."""
    name = asked["balancer"]
    return balancer_named(name, num_identities(source) if catalog.balancers()[name] else None)


def make_optimizer(asked: Asked, learner: Learner, balancer: Balancer) -> torch.optim.Optimizer:
    """Make the outer optimiser.

    Raises:
        UserError: If the learning rate is not positive, or nothing is to be trained.
    """
    rate = asked["lr"]
    require(rate > 0, f"Option --lr should be positive. Found {rate}.")
    parameters = _trained(learner)
    learned = [*parameters, *parameters_of(balancer).values()]
    if asked["optimizer"] == "sgd":
        return torch.optim.SGD(learned, lr=rate)
    return torch.optim.Adam(learned, lr=rate, fused=parameters[0].device.type in ("cpu", "cuda"))


def _trained(learner: Learner) -> list[torch.nn.Parameter]:
    """List the parameters that are trained.

    Raises:
        UserError: If no parameter is trained.
    """
    found = [parameter for parameter in learner.parameters() if parameter.requires_grad]
    require(bool(found), "The learner should have parameters to train. Found none.")
    return found


def make_scheduler(
    asked: Asked, optimizer: torch.optim.Optimizer
) -> torch.optim.lr_scheduler.LRScheduler | None:
    """Make the schedule of the learning rate."""
    steps = asked["steps"]
    if asked["schedule"] == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    if asked["schedule"] == "linear":
        return torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    return None


__all__ = ["make_balancer", "make_optimizer", "make_scheduler"]
