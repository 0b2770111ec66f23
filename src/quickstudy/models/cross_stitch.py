"""Cross-stitch networks: columns of one form, between whose layers activations are mixed."""

from collections.abc import Iterable
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from quickstudy.errors import require, require_at_least
from quickstudy.models.head import linear_head, scores_or_embeddings
from quickstudy.models.initialise import initialise
from quickstudy.models.protocol import Gives
from quickstudy.models.trunk import copies, embedding_size_of
from quickstudy.random import generator


class CrossStitch(nn.Module):
    """Stitch several columns of one form together after every layer; a task reads a mixture.

    After every layer but the last, column ``i`` continues with ``ã_i = Σ_j α_ij a_j``, with one
    ``α`` ``[column, column]`` for each of these layers. After the last a task reads ``f(x) = Σ_j
    ρ_j a_j``, and ``y = h(f(x))`` with a linear head ``h``. ``ρ`` is the task's row of the last
    stitch.

    With :class:`~quickstudy.PartialSharing` each task has a reading and a head for itself. Training
    task ``t`` starts with the row of column ``t mod num_columns``, so with a column for each task
    this is the paper's network; a new task starts from the mean of the columns.

    Args:
        trunk: The first column as it is, and the form of the others, which are drawn afresh. An
            ``MLP`` or ``Conv4`` without a head, an ``nn.Sequential``, or a network that holds one
            and nothing else. A layer is a child with parameters and the children without parameters
            that follow it, so a block of convolution, norm and ReLU should be one child.
        outputs: Number of classes or targets; None gives the mixture that is read.
        num_columns: Number of columns.
        keep: The initial share of a column's activation in its next input; the other columns have
            equal shares of the rest.
        embedding_size: Length of the trunk's embeddings; by default the trunk's ``embedding_size``.
        seed: Seed of the initial weights of the head and the other columns.

    Raises:
        UserError: If the trunk is of another form, a length is not known, or a number is out of
            range.

    Source: Misra et al. 2016, eq. 1. Differs from the paper: the number of columns is free; there
    it is the number of tasks.

    Example:
        >>> import torch, quickstudy as qs
        >>> trunk = qs.models.MLP(3, None, hidden=(8, 8))
        >>> model = qs.models.CrossStitch(trunk, outputs=2, num_columns=3)
        >>> model(torch.zeros(5, 3)).shape, model.stitches[0].shape, model.own
        (torch.Size([5, 2]), torch.Size([3, 3]), ('reading', 'head'))
    """

    can_give: ClassVar[tuple[Gives, ...]] = ("scores", "embeddings")
    own = ("reading", "head")
    """The parts that each task has for itself."""

    def __init__(
        self,
        trunk: nn.Module,
        outputs: int | None = 1,
        num_columns: int = 2,
        keep: float = 0.9,
        embedding_size: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        _check(num_columns, keep)
        self.outputs, self.num_columns = outputs, num_columns
        self.keep, self.seed = keep, seed
        self.gives = scores_or_embeddings(outputs)
        self.embedding_size = embedding_size_of(trunk, embedding_size)
        self.columns = copies(trunk, num_columns, seed)
        self.stitches = nn.ParameterList(self._stitch() for _ in _layers(trunk)[1:])
        self.reading = nn.Parameter(self._stitch().mean(0))
        self.head = linear_head(self.embedding_size, outputs)
        initialise(self.head, generator(seed, "model"))

    @property
    def trunk(self) -> nn.Module:
        """The first column."""
        return self.columns[0]

    def own_offsets(self, num_tasks: int) -> dict[str, Tensor]:
        """Give the offsets at which the readings of training tasks start ``[task, column]``.

        The reading of task ``t`` starts as row ``t mod num_columns`` of a stitch.
        """
        stitch = self._stitch()
        return {"reading": (stitch - stitch.mean(0))[torch.arange(num_tasks) % self.num_columns]}

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[example, *feature]`` to ``[example, output]``."""
        return self.head(torch.einsum("j,j...->...", self.reading, self._states(x)))

    def _states(self, x: Tensor) -> Tensor:
        """Give the output of each column ``[column, example, ...]``."""
        first, *others = zip(*map(_layers, self.columns), strict=True)
        states = _beside(first, x.expand(self.num_columns, *x.shape))
        for stitch, layers in zip(self.stitches, others, strict=True):
            states = _beside(layers, torch.einsum("ij,j...->i...", stitch, states))
        return states

    def _stitch(self) -> Tensor:
        """Make the initial stitch ``[column, column]``: ``keep`` on the diagonal, rows sum to 1."""
        others = (1 - self.keep) / max(self.num_columns - 1, 1)
        eye = torch.eye(self.num_columns)
        return eye * (self.keep if self.num_columns > 1 else 1.0) + (1 - eye) * others


def _beside(layers: Iterable[nn.Module], states: Tensor) -> Tensor:
    """Apply a layer of each column to its state; states are ``[column, example, ...]``."""
    return torch.stack([layer(state) for layer, state in zip(layers, states, strict=True)])


def _check(num_columns: int, keep: float) -> None:
    require_at_least(1, num_columns=num_columns)
    require(0 <= keep <= 1, f"Parameter `keep` should be from 0 to 1. Found keep={keep}.")


def _layers(trunk: nn.Module) -> list[nn.Module]:
    """Give the layers of ``trunk``, each as a module.

    A layer is a child with parameters and the children without parameters that follow it; the first
    layer has those before it too.
    """
    chain = _chain(trunk)
    starts = [place for place, child in enumerate(chain) if _has_parameters(child)]
    require(
        bool(starts),
        "Parameter `trunk` should be an nn.Sequential, or a network that holds one and no "
        f"head. Found {type(trunk).__name__}.",
    )
    return _cut(chain, starts[1:])


def _cut(chain: nn.Sequential, places: list[int]) -> list[nn.Module]:
    """Cut a chain before each of the ``places``."""
    return [chain[first:end] for first, end in pairwise([0, *places, len(chain)])]


def _has_parameters(module: nn.Module) -> bool:
    return next(module.parameters(), None) is not None


def _chain(trunk: nn.Module) -> nn.Sequential:
    """Give the only ``nn.Sequential`` that ``trunk`` is or holds; an empty one without it."""
    inside = [trunk] if isinstance(trunk, nn.Sequential) else _children(trunk)
    if len(inside) == 1 and isinstance(inside[0], nn.Sequential):
        return inside[0]
    return nn.Sequential()


def _children(module: nn.Module) -> list[nn.Module]:
    """Give the children of ``module`` that do something."""
    return [child for child in module.children() if not isinstance(child, nn.Identity)]


__all__ = ["CrossStitch"]
