"""The whole outer step as one compiled graph."""

from collections.abc import Callable

import torch
from torch import Tensor

from quickstudy.balance import Balancer
from quickstudy.bilevel import State
from quickstudy.episode import Batch, Episode
from quickstudy.learners import Learner
from quickstudy.random import Moment
from quickstudy.targets import Target


def compiled_gradients(learner: Learner, balancer: Balancer) -> Callable[[Episode], Tensor]:
    """Compile the outer step: a function that puts the gradient on the parameters.

    It is that of ``balancer(learner.losses(episodes))``; the function returns the losses.

    Inner and outer gradients are taken inside one graph by ``torch.func``, so that the compiler
    sees and fuses the whole step. Compiling takes from seconds to about a minute.

    Raises:
        UserError: If the learner cannot be compiled, with the reason.
    """
    parameters, losses_from = learner.pure_losses()
    # made outside the graph; a loss that looks at the moment is not compiled
    moment = Moment()

    def total(
        meta: State,
        support: tuple[Tensor, Tensor, Tensor],
        query: tuple[Tensor, Tensor, Tensor],
        asked: tuple[Target, Target],
    ) -> tuple[Tensor, Tensor]:
        episodes = Episode(
            Batch(*support, asked[0]), Batch(*query, asked[1]), support[2][:, 0], moment
        )
        losses = losses_from(meta, episodes)
        return balancer(losses), losses

    step = torch.compile(torch.func.grad(total, has_aux=True), dynamic=False, fullgraph=True)

    def gradients(episodes: Episode) -> Tensor:
        support, query = episodes.support, episodes.query
        learner.most_together(support)  # chosen outside the graph
        values = {name: parameter.detach() for name, parameter in parameters.items()}
        found, losses = step(
            values,
            (support.x, support.y, support.mask),
            (query.x, query.y, query.mask),
            (support.target, query.target),
        )
        for name, parameter in parameters.items():
            # in the layout of the parameter
            parameter.grad = torch.empty_like(parameter, requires_grad=False).copy_(found[name])
        return losses

    return gradients
