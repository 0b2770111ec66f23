"""The displacement of a task's weights by the inner steps, as in Reptile."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from quickstudy.bilevel import State
from quickstudy.episode import Episode
from quickstudy.learners.inner_loop import InnerLoop
from quickstudy.learners.outer.outer import Outer

if TYPE_CHECKING:
    from quickstudy.learners.gradient import GradientLearner


class Displacement(Outer):
    """``½ ‖w_0 − stop_gradient(w_K)‖²``, whose gradient by the start is ``w_0 − w_K``."""

    def losses(self, learner: "GradientLearner", meta: State, episodes: Episode) -> Tensor:
        """Half the squared distance from every task's start to its adapted weights ``[task]``."""

        def distance(loop: InnerLoop, tensors: State) -> Tensor:
            start = loop.start(tensors)
            with torch.no_grad():
                state = start
                for index in range(learner.inner_steps):
                    state = loop.step(state, tensors, index, differentiable=False)
            ways = [(start[name] - state[name]).square().flatten(1) for name in loop.names]
            return torch.stack([0.5 * way.sum(1) for way in ways]).sum(0)

        return learner.over_loops(meta, episodes, distance)


__all__ = ["Displacement"]
