"""The whole outer step as one compiled graph."""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

from quickstudy.balance import Balancer
from quickstudy.bilevel import State
from quickstudy.episode import Batch, Episode
from quickstudy.learners import Learner
from quickstudy.random import Moment
from quickstudy.targets import Target

Tensors = tuple[Tensor, Tensor, Tensor]
"""Inputs, targets and mask of a batch."""
Asked = tuple[Target, Target]
"""The targets of the support and the query set."""
Total = Callable[[State, Tensors, Tensors, Asked], tuple[Tensor, Tensor]]


def compiled_gradients(learner: Learner, balancer: Balancer) -> Callable[[Episode], Tensor]:
    """Make a function that gives losses and puts their gradient on the parameters.

    It is the gradient of ``balancer(learner.losses(episodes))``. Inner and outer gradients are
    taken inside one graph by ``torch.func``, so that the compiler sees and fuses the whole step.
    Compiling takes from seconds to about a minute.

    Raises:
        UserError: If the learner cannot be compiled, with the reason.
    """
    parameters, losses_from = learner.pure_losses()
    gradient = torch.func.grad(_total_of(losses_from, balancer), has_aux=True)
    step = torch.compile(gradient, dynamic=False, fullgraph=True)
    return partial(_descend, learner, parameters, step)


def _total_of(losses_from: Callable[[State, Episode], Tensor], balancer: Balancer) -> Total:
    """Make the pure function that is compiled: one loss and all losses ``[task]``."""
    # made outside the graph; a loss that looks at the moment is not compiled
    moment = Moment()

    def total(meta: State, support: Tensors, query: Tensors, asked: Asked) -> tuple[Tensor, Tensor]:
        losses = losses_from(meta, _episode(support, query, asked, moment))
        return balancer(losses), losses

    return total


def _episode(support: Tensors, query: Tensors, asked: Asked, moment: Moment) -> Episode:
    """Make an episode of plain tensors; the tasks have no identity."""
    of_support, of_query = asked
    task = support[2][:, 0]
    return Episode(Batch(*support, of_support), Batch(*query, of_query), task, moment)


def _descend(
    learner: Learner,
    parameters: Mapping[str, Tensor],
    step: Callable[..., tuple[State, Tensor]],
    episodes: Episode,
) -> Tensor:
    """Put the gradient of a compiled step on the parameters, and give its losses ``[task]``."""
    support, query = episodes.support, episodes.query
    # chosen outside the graph
    learner.most_together(support)
    values = {name: parameter.detach() for name, parameter in parameters.items()}
    asked = (support.target, query.target)
    gradient, losses = step(values, _tensors(support), _tensors(query), asked)
    for name, parameter in parameters.items():
        parameter.grad = _laid_out(gradient[name], parameter)
    return losses


def _laid_out(gradient: Tensor, parameter: Tensor) -> Tensor:
    """Copy a gradient into the layout of its parameter."""
    return torch.empty_like(parameter, requires_grad=False).copy_(gradient)


def _tensors(batch: Batch) -> Tensors:
    return batch.x, batch.y, batch.mask
