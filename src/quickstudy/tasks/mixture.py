"""Tasks of several kinds: each is drawn from one of several sources."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.random import Moment
from quickstudy.targets import Target
from quickstudy.tasks.source import TaskSource


@dataclass(frozen=True, eq=False)
class Mixture(TaskSource):
    """Draws every task from one of several sources, all equally likely.

    ``Episode.task`` is the place of a task's source among them.

    Args:
        sources: Sources of tasks of one kind and size.
        noise: Standard deviation of normal noise on every target, in the support set and the query
            set (regression).

    Raises:
        UserError: If there is no source, they differ in kind or size, or noise is negative or for
            classes.

    Source: Vuorio et al. 2019 (MMAML) and Yao et al. 2019 (HSML) mix functions in their experiments
        on regression.

    Example:
        >>> import quickstudy as qs
        >>> kinds = [qs.tasks.Sinusoid(), qs.tasks.Line()]
        >>> tasks = qs.tasks.Mixture([kind.episodes(5, 5) for kind in kinds])
        >>> tasks.sample(6, qs.Moment(0, "train")).task.tolist()
        [0, 0, 0, 0, 0, 1]
    """

    sources: Sequence[TaskSource]
    noise: float = 0.0
    target: Target = field(init=False)

    def __post_init__(self) -> None:
        require(
            len(self.sources) > 0,
            "Parameter `sources` should hold at least one source of tasks. Found none.",
        )
        object.__setattr__(self, "target", self._one_target())
        self._check_noise()

    def _one_target(self) -> Target:
        """Give the target of all sources; raise if they differ."""
        kinds = {source.target for source in self.sources}
        require(
            len(kinds) == 1,
            "Parameter `sources` should hold sources of one target. Found "
            f"{', '.join(map(str, kinds))}.",
        )
        return kinds.pop()

    def _check_noise(self) -> None:
        require(
            self.noise == 0 or (self.noise > 0 and not self.target.way),
            f"Parameter `noise` should be at least 0, and 0 for classes. Found noise={self.noise}.",
        )

    def sample(self, num_tasks: int, moment: Moment) -> Episode:
        """Draw ``num_tasks`` tasks."""
        generator = moment.generator()
        place = torch.randint(len(self.sources), (num_tasks,), generator=generator)
        drawn = self._drawn(num_tasks, moment)
        support = _chosen([episode.support for episode in drawn], place, self.target)
        query = _chosen([episode.query for episode in drawn], place, self.target)
        support = self._noisy(support, generator)
        return Episode(support, self._noisy(query, generator), place, moment)

    def _drawn(self, num_tasks: int, moment: Moment) -> list[Episode]:
        """Draw ``num_tasks`` tasks of every source, so that no draw depends on the choice."""
        return [
            source.sample(num_tasks, moment.within(f"source {index}"))
            for index, source in enumerate(self.sources)
        ]

    def describe(self) -> dict[str, object]:
        """Give the entries that all sources share, the sources, and the noise.

        As a rule the shared entries are shot and query.
        """
        said = [source.describe() for source in self.sources]
        return _alike(said) | {"source": "mixture", "sources": said, "noise": self.noise}

    def _noisy(self, batch: Batch, generator: torch.Generator) -> Batch:
        if not self.noise:
            return batch
        noise = self.noise * torch.randn(batch.y.shape, generator=generator, dtype=batch.y.dtype)
        return replace(batch, y=batch.y + noise)


def _alike(said: Sequence[dict[str, object]]) -> dict[str, object]:
    """Keep the entries of the first description that all others have too."""
    first, *others = said
    return {
        key: value
        for key, value in first.items()
        if all(other.get(key) == value for other in others)
    }


def _chosen(drawn: Sequence[Batch], place: Tensor, target: Target) -> Batch:
    """Take every task from the source at ``place`` ``[task]``."""
    return Batch(
        _at([batch.x for batch in drawn], place),
        _at([batch.y for batch in drawn], place),
        _at([batch.mask for batch in drawn], place),
        target,
    )


def _at(parts: list[Tensor], place: Tensor) -> Tensor:
    """Take task ``i`` from the part at ``place[i]``."""
    _check_one_size(parts)
    return torch.stack(parts)[place, torch.arange(len(place))]


def _check_one_size(parts: list[Tensor]) -> None:
    sizes = {tuple(values.shape) for values in parts}
    require(len(sizes) == 1, f"Parameter `sources` should give tasks of one size. Found {sizes}.")
