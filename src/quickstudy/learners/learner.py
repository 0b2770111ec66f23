"""The abstract parent of every learner."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from quickstudy.episode import Batch, Episode
from quickstudy.errors import UserError, require
from quickstudy.models.functional import evaluating
from quickstudy.targets import Target

Adapted = dict[str, Tensor]
"""The result of adapting to a support set: named tensors, each with a leading task axis.

It belongs to the caller. The learner stores nothing of it.
"""


ModelOutput = Literal["scores", "embeddings", "maps"]


class Learner(nn.Module, ABC):
    """Say how a task makes its loss.

    The parameters of a learner are meta-learned. A training loop needs only two lines::

        learner.losses(episodes).mean().backward()
        optimizer.step()

    Every argument of a learner's constructor is an attribute of the same name.
    """

    model_gives: ClassVar[ModelOutput] = "scores"
    """The output that the model should have in classification."""

    fixed_tasks: ClassVar[bool] = False
    """Whether it learns something for each training task, so that these are a fixed set."""

    transductive: bool = False
    """Whether the prediction for a query depends on the other queries of its task."""

    @property
    def any_way(self) -> bool:
        """Say whether tasks of any way are served, also of another way than in training."""
        return True

    @classmethod
    def model_for(cls, target: Target) -> ModelOutput:
        """Return the output that a network needs for tasks that ask for ``target``."""
        return cls.model_gives

    @property
    def head_names(self) -> tuple[str, ...]:
        """Return the names of the head's parameters, if the learner treats the head separately."""
        return ()

    def model_output(self) -> ModelOutput:
        """Return the output of the network that it holds."""
        return self.model_gives

    def serves(self, target: Target) -> str | None:
        """Say why tasks that ask for ``target`` cannot be served; None if they can."""
        return None

    def check(self, target: Target) -> None:
        """Raise if tasks that ask for ``target`` cannot be served.

        Raises:
            UserError: If they cannot, with the reason.
        """
        if torch.compiler.is_compiling():
            return
        reason = self.serves(target)
        if reason is not None:
            raise UserError(f"{type(self).__name__} cannot serve {target}. {reason}")

    @abstractmethod
    def losses(self, episodes: Episode) -> Float[Tensor, " task"]:
        """Return one loss per task, whose gradient is the update direction of the method."""

    @abstractmethod
    def trajectory(self, support: Batch, steps: Sequence[int]) -> Iterator[Adapted]:
        """Yield the state of every task after each number of inner ``steps``, in ascending order.

        Learners without inner steps (``test_steps == 0``) yield the same state for all of them.
        """

    @abstractmethod
    def scores(self, adapted: Adapted, x: Tensor) -> Tensor:
        """Return the scores of new examples; called in evaluation mode to predict."""

    @property
    @abstractmethod
    def test_steps(self) -> int:
        """Return the number of inner steps when adapting; 0 if there is no inner loop."""

    def pure_losses(
        self,
    ) -> tuple[dict[str, Tensor], Callable[[dict[str, Tensor], Episode], Tensor]]:
        """Return the meta-learned tensors by name, and the losses as a function of them.

        A compiler takes the two.

        Raises:
            UserError: If the learner cannot be compiled, with the reason.
        """
        raise UserError("Only learners with an inner loop are compiled. Leave `compile` off.")

    def most_together(self, support: Batch) -> int | None:
        """Return the number of tasks like ``support``'s that are computed at once; None is all."""
        return None

    def adapt(self, support: Batch, steps: int | None = None) -> Adapted:
        """Adapt to the tasks of ``support``. The learner itself stays as it is.

        Args:
            support: The examples of one or more tasks (``Batch.of(x, y)`` makes one task).
            steps: Inner steps; by default ``test_steps``.

        Returns:
            The adapted state of every task, for :meth:`predict`; no graph is kept.
        """
        return next(self.adaptations(support, [self.test_steps if steps is None else steps]))

    def adaptations(self, support: Batch, steps: Sequence[int]) -> Iterator[Adapted]:
        """Yield the adapted states after ``steps`` without a graph, layers in evaluation mode.

        Raises:
            UserError: If ``steps`` are not ascending from 0 on.
        """
        _check_steps(steps)
        states = self.trajectory(support, steps)
        for _ in steps:
            with evaluating(self), torch.no_grad():
                state = next(states)
            yield state

    def predict(
        self, adapted: Adapted, x: Float[Tensor, "task example *feature"]
    ) -> Float[Tensor, "task example *output"]:
        """Predict new examples: logits of the classes, or the predicted targets.

        Args:
            adapted: The result of :meth:`adapt`.
            x: New inputs of the same tasks.

        Raises:
            UserError: If ``x`` holds another number of tasks.
        """
        _check_tasks(x, _num_tasks(adapted))
        with evaluating(self), torch.no_grad():
            return self.scores(adapted, x)


def _check_tasks(x: Tensor, tasks: int) -> None:
    """Raise if ``x`` does not hold examples of ``tasks`` tasks."""
    require(
        x.ndim >= 2 and x.shape[0] == tasks,
        f"`x` should be [task, example, *feature] with the {tasks} tasks that were adapted to. "
        f"Found shape {tuple(x.shape)}.",
    )


def _num_tasks(adapted: Adapted) -> int:
    return next(iter(adapted.values())).shape[0]


def _check_steps(steps: Sequence[int]) -> None:
    """Raise if ``steps`` are not ascending from 0 on."""
    ascending = all(before <= after for before, after in pairwise([0, *steps]))
    require(
        ascending,
        "Parameter `steps` should hold numbers from 0 on, in ascending order. "
        f"Found {list(steps)}.",
    )
