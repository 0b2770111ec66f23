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
    """Move the start of the inner steps towards their end.

    The loss of a task is ``½ ‖w_0 − stop_gradient(w_K)‖²``. Its gradient by the start is
    ``w_0 − w_K``.

    Source: Nichol, Achiam & Schulman 2018, algorithm 1.
    """

    def losses(self, learner: "GradientLearner", meta: State, episodes: Episode) -> Tensor:
        """Return half the squared distance of every task's start to its end ``[task]``."""

        def distance(loop: InnerLoop, tensors: State) -> Tensor:
            start = loop.start(tensors)
            end = _adapted(loop, start, tensors, learner.inner_steps)
            squares = [(start[name] - end[name]).square().flatten(1) for name in loop.names]
            return torch.stack([0.5 * square.sum(1) for square in squares]).sum(0)

        return learner.over_loops(meta, episodes, distance)


def _adapted(loop: InnerLoop, state: State, tensors: State, steps: int) -> State:
    """Return the state after ``steps`` inner steps, as a constant."""
    with torch.no_grad():
        for index in range(steps):
            state = loop.step(state, tensors, index, differentiable=False)
    return state


__all__ = ["Displacement"]
