"""The whole outer step as one compiled graph."""

from collections.abc import Callable

import torch
from torch import Tensor

from quickstudy.balance import Balancer
from quickstudy.bilevel import State
from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.learners import FOMAML, MAML, Learner
from quickstudy.models.norm import has_task_norm
from quickstudy.random import Moment
from quickstudy.targets import Target


def compiled_gradients(learner: Learner, balancer: Balancer) -> Callable[[Episode], Tensor]:
    """A function that puts the gradient of ``balancer(learner.losses(episodes))`` on the parameters
    and returns the losses.

    Inner and outer gradients are taken inside one graph by ``torch.func``, so that the compiler
    sees and fuses the whole step. Compiling takes from seconds to about a minute.

    Raises:
        UserError: If the learner cannot be compiled: it has no unrolled inner loop, or its model
            normalises by task (whose statistics are passed outside the graph).
    """
    require(
        isinstance(learner, MAML | FOMAML)
        and getattr(learner, "outer_gradient", "unrolled") in ("unrolled", "first_order"),
        "Only MAML and FOMAML with unrolled or first-order gradients are compiled. Leave "
        "`compile` off.",
    )
    assert isinstance(learner, MAML | FOMAML)
    changing = getattr(learner, "multi_step_until", None) or getattr(
        learner, "first_order_until", 0
    )
    require(
        not changing,
        "A loss that changes over training (multi_step_until, first_order_until) is not "
        "compiled. Leave `compile` off.",
    )
    require(
        not has_task_norm(learner.model),
        "A model with batch norms is not compiled. Leave `compile` off.",
    )
    parameters = learner.meta()

    def total(
        meta: State,
        support: tuple[Tensor, Tensor, Tensor],
        query: tuple[Tensor, Tensor, Tensor],
        asked: tuple[Target, Target],
    ) -> tuple[Tensor, Tensor]:
        episodes = Episode(
            Batch(*support, asked[0]), Batch(*query, asked[1]), support[2][:, 0], Moment()
        )
        losses = learner.losses_from(meta, episodes)
        return balancer(losses), losses

    step = torch.compile(torch.func.grad(total, has_aux=True), dynamic=False, fullgraph=True)

    def gradients(episodes: Episode) -> Tensor:
        support, query = episodes.support, episodes.query
        learner.mapping_for(query.x)
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
