"""The abstract parent of every learner."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from quickstudy.episode import Batch, Episode
from quickstudy.errors import UserError, require
from quickstudy.targets import Target

Adapted = dict[str, Tensor]
"""What a learner made of a support set: named tensors, each with a leading task axis.

It belongs to the caller; nothing of it is stored on the learner.
"""


ModelOutput = Literal["scores", "embeddings", "maps"]


class Learner(nn.Module, ABC):
    """How a task makes its loss. Its parameters are what is meta-learned.

    A user with a loop of their own needs no trainer::

        learner.losses(episodes).mean().backward()
        optimizer.step()

    Every argument of a learner's constructor is an attribute of the same name.
    """

    model_gives: ClassVar[ModelOutput] = "scores"
    """The output that the model should give in classification."""

    fixed_tasks: ClassVar[bool] = False
    """Whether something is learned for each training task, a fixed set with identities."""

    transductive: bool = False
    """Whether a query's prediction depends on the other queries of its task."""

    @property
    def any_way(self) -> bool:
        """Whether tasks with any number of classes are served, whatever the way in training."""
        return True

    @classmethod
    def model_for(cls, target: Target) -> ModelOutput:
        """Say what a network should give, to be learned with on tasks that ask for ``target``."""
        return cls.model_gives

    @property
    def head_names(self) -> tuple[str, ...]:
        """The names of the model's parameters that are a head, if the learner treats it apart."""
        return ()

    def model_output(self) -> ModelOutput:
        """Say what the network that it holds gives."""
        return self.model_gives

    def serves(self, target: Target) -> str | None:
        """Say why tasks that ask for ``target`` cannot be served; None if they can."""
        return None

    def check(self, target: Target) -> None:
        """Raise if tasks that ask for ``target`` cannot be served.

        Raises:
            UserError: If so, with the reason.
        """
        if torch.compiler.is_compiling():
            return
        reason = self.serves(target)
        require(reason is None, f"{type(self).__name__} cannot serve {target}. {reason}")

    @abstractmethod
    def losses(self, episodes: Episode) -> Float[Tensor, " task"]:
        """One loss per task, whose gradient is the update direction of the method."""

    @abstractmethod
    def trajectory(self, support: Batch, steps: Sequence[int]) -> Iterator[Adapted]:
        """The state of every task after each of the numbers of inner ``steps`` (ascending).

        Learners without inner steps (``test_steps == 0``) yield the same state for all of them.
        """

    @abstractmethod
    def scores(self, adapted: Adapted, x: Tensor) -> Tensor:
        """The method's own part of :meth:`predict`."""

    @property
    @abstractmethod
    def test_steps(self) -> int:
        """Inner steps taken by :meth:`adapt`; 0 where there is no inner loop."""

    def pure_losses(
        self,
    ) -> tuple[dict[str, Tensor], Callable[[dict[str, Tensor], Episode], Tensor]]:
        """What is meta-learned by name, and :meth:`losses` as a function of it, for a compiler.

        Raises:
            UserError: If the learner cannot be compiled, with the reason.
        """
        raise UserError("Only learners with an inner loop are compiled. Leave `compile` off.")

    def most_together(self, support: Batch) -> int | None:
        """How many tasks like those of ``support`` are computed at the same time; None is all."""
        return None

    def adapt(self, support: Batch, steps: int | None = None) -> Adapted:
        """Master the tasks of ``support``. The learner itself stays as it is.

        Args:
            support: The examples of one or more tasks (``Batch.of(x, y)`` makes one task).
            steps: Inner steps; by default ``test_steps``.

        Returns:
            The adapted state of every task, for :meth:`predict`; no graph is kept.
        """
        return next(self.adaptations(support, [self.test_steps if steps is None else steps]))

    def adaptations(self, support: Batch, steps: Sequence[int]) -> Iterator[Adapted]:
        """The states of :meth:`trajectory` as at test: no graph, layers in evaluation mode."""
        ascending = all(0 <= a <= b for a, b in zip([0, *steps], steps, strict=False))
        require(
            ascending,
            "Parameter `steps` should hold numbers from 0 on, in ascending order. Found "
            f"{list(steps)}.",
        )
        states = self.trajectory(support, steps)
        for _ in steps:
            with evaluating(self), torch.no_grad():
                state = next(states)
            yield state

    def predict(
        self, adapted: Adapted, x: Float[Tensor, "task example *feature"]
    ) -> Float[Tensor, "task example *output"]:
        """Scores of new examples: logits of the classes, or the predicted targets.

        Args:
            adapted: What :meth:`adapt` returned.
            x: New inputs of the same tasks.

        Raises:
            UserError: If ``x`` holds another number of tasks.
        """
        tasks = next(iter(adapted.values())).shape[0]
        require(
            x.ndim >= 2 and x.shape[0] == tasks,
            f"`x` should be [task, example, *feature] with the {tasks} tasks that were "
            f"adapted to. Found shape {tuple(x.shape)}.",
        )
        with evaluating(self), torch.no_grad():
            return self.scores(adapted, x)


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Put ``module`` in evaluation mode and every part of it back into the mode it had."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode
