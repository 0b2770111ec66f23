"""The part that is another part with an offset for each training task."""

from typing import Literal

import torch
from torch import Tensor, nn

from quickstudy.bilevel.optimisers import Weights
from quickstudy.errors import require, require_at_least
from quickstudy.learners.parts.part import Examples, Part, Shared, Tasks
from quickstudy.learners.tensors import squared_norms
from quickstudy.learners.trace_norm import trace_norm_by_row
from quickstudy.models.norm import Statistics
from quickstudy.models.protocol import own_offsets
from quickstudy.targets import Target

Relation = Literal["mean", "trace"]


class Offsets(Part):
    """Give each training task an offset from the shared values of a part.

    Training task ``t`` owns ``w + d_t``, a new task starts from ``w``. The offsets ``d_t`` are
    learned. They start at 0, or at the model's ``own_offsets``.

    Args:
        part: The part.
        num_tasks: Training tasks; their identities are 0 to ``num_tasks − 1``.
        penalty: How strongly the offsets are held together.
        relation: The penalty on the offsets: ``"mean"``, half the squared norm of ``d_t``; or
            ``"trace"``, the task's share in the trace norm of all tasks' weights.

    Raises:
        UserError: If a number is out of range, or a task is not one of the training tasks.
    """

    trains_on_support = False

    def __init__(
        self, part: Part, num_tasks: int, penalty: float, relation: Relation = "mean"
    ) -> None:
        super().__init__()
        require_at_least(1, num_tasks=num_tasks)
        require(penalty >= 0, f"Parameter `penalty` should be at least 0. Found penalty={penalty}.")
        _check_relation(relation)
        self.of, self.num_tasks = part, num_tasks
        self.weight, self.relation = penalty, relation
        self.lifted, self.any_way = part.lifted, part.any_way

    def attach(self, model: nn.Module) -> None:
        """Attach the part, and make an offset for each training task."""
        self.of.attach(model)
        self.head = self.of.head
        owned = self.of.owned(model)
        self._names, self._starts = tuple(owned), own_offsets(model, self.num_tasks)
        self.offsets = self._empty(owned)
        self.reset_parameters()

    def _empty(self, owned: Weights) -> nn.ParameterList:
        """Make an offset of every tensor for each training task, without values yet."""
        shapes = [value.shape for value in owned.values()]
        return nn.ParameterList(torch.empty(self.num_tasks, *shape) for shape in shapes)

    def reset_parameters(self) -> None:
        """Put all offsets back to 0, or to the model's ``own_offsets``."""
        with torch.no_grad():
            for name, offset in zip(self._names, self.offsets, strict=True):
                offset.copy_(self._starts.get(name, torch.zeros(())))

    def check(self, model: nn.Module, x: Tensor) -> None:
        """Raise if the network does not suit the part."""
        self.of.check(model, x)

    def serves(self, model: nn.Module, target: Target) -> str | None:
        """Serve the targets that the part serves."""
        return self.of.serves(model, target)

    def owned(self, model: nn.Module) -> Weights:
        """Return the tensors of the part."""
        return self.of.owned(model)

    def start(self, shared: Shared, tasks: Tasks) -> Weights:
        """Return the shared part for every task, with the offset of each that is known."""
        start, known = self.of.start(shared, tasks), tasks.known
        if known is None:
            return start
        self._check_known(known)
        return {n: start[n] + offset[known] for n, offset in self._of(shared).items()}

    def _check_known(self, known: Tensor) -> None:
        """Raise if ``known`` ``[task]`` holds the identity of a new task."""
        unknown = known[(known < 0) | (known >= self.num_tasks)].tolist()
        require(
            not unknown,
            f"Training tasks have the identities 0 to {self.num_tasks - 1}. Found "
            f"{', '.join(map(str, unknown))}: a new task is served by adapt.",
        )

    def whole(self, shared: Shared, own: Weights, examples: Examples) -> tuple[Tensor, Statistics]:
        """Run the network as the part does."""
        return self.of.whole(shared, own, examples)

    def below(self, shared: Shared, examples: Examples) -> tuple[Tensor, Statistics]:
        """Run the layers below the part."""
        return self.of.below(shared, examples)

    def above(self, shared: Shared, own: Weights, examples: Examples) -> tuple[Tensor, Statistics]:
        """Run the rest of the network as the part does."""
        return self.of.above(shared, own, examples)

    def penalty(self, shared: Shared, known: Tensor) -> Tensor | None:
        """Return the penalty on the offsets of the tasks ``known``, ``[task]``."""
        if not self.weight:
            return None
        measure = self._trace_norms if self.relation == "trace" else self._half_squares
        return self.weight * measure(shared, known)

    def _trace_norms(self, shared: Shared, known: Tensor) -> Tensor:
        """Return the tasks' shares in the trace norm of all tasks' weights ``[task]``."""
        shares = [trace_norm_by_row(weights)[known] for weights in self._matrices(shared)]
        return torch.stack(shares).sum(0)

    def _matrices(self, shared: Shared) -> list[Tensor]:
        """Return the weights of all training tasks, a row for each: ``[task, weight]``."""
        of = self._of(shared)
        return [(shared.weights[name] + offset).flatten(1) for name, offset in of.items()]

    def _half_squares(self, shared: Shared, known: Tensor) -> Tensor:
        """Return half the squared norm of the tasks' offsets ``[task]``."""
        return 0.5 * squared_norms(offset[known] for offset in self._of(shared).values())

    def _of(self, shared: Shared) -> Weights:
        """Return the offsets of all training tasks ``[task, ...]``; frozen parameters have none."""
        named = zip(self._names, self.offsets, strict=True)
        return {
            name: shared.part.get(f"offsets.{index}", offset)
            for index, (name, offset) in enumerate(named)
            if name in shared.weights
        }

    def uncompiled(self) -> str | None:
        """Refuse: a step reads the identities of tasks."""
        return "A learner of a fixed set of tasks is not compiled."


def _check_relation(relation: str) -> None:
    """Raise if there is no such relation."""
    require(
        relation in ("mean", "trace"),
        f"Parameter `relation` should be 'mean' or 'trace'. Found {relation!r}.",
    )


__all__ = ["Offsets", "Relation"]
