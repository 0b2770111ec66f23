"""Tasks of several kinds: each is drawn from one of several sources."""

from collections.abc import Callable, Sequence
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
    """Each task is from one of ``sources``, all as likely; ``Episode.task`` is the place of its
    source among them.

    Args:
        sources: Sources of tasks of one kind and size.
        noise: Standard deviation of normal noise on every target, in the support set and the query
            set (regression).

    Raises:
        UserError: If there is no source, they differ in kind or size, or noise is negative or for
            classes.

    Source: mixtures of functions are those of Vuorio et al. 2019 (MMAML) and Yao et al. 2019
        (HSML), in their experiments on regression.

    Example:
        >>> import quickstudy as qs
        >>> tasks = qs.tasks.Mixture([qs.tasks.Sinusoid().episodes(5, 5), qs.tasks.Line().episodes(5, 5)])
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
        kinds = {source.target for source in self.sources}
        require(
            len(kinds) == 1,
            "Parameter `sources` should hold sources of one target. Found "
            f"{', '.join(map(str, kinds))}.",
        )
        object.__setattr__(self, "target", kinds.pop())
        require(
            self.noise == 0 or (self.noise > 0 and not self.target.way),
            f"Parameter `noise` should be at least 0, and 0 for classes. Found noise={self.noise}.",
        )

    def sample(self, num_tasks: int, moment: Moment) -> Episode:
        """Draw ``num_tasks`` tasks."""
        generator = moment.generator()
        place = torch.randint(len(self.sources), (num_tasks,), generator=generator)
        # all, so that no draw depends on `place`
        drawn = [
            source.sample(num_tasks, moment.within(f"source {index}"))
            for index, source in enumerate(self.sources)
        ]

        def chosen(part: Callable[[Episode], Tensor]) -> Tensor:
            parts = [part(episode) for episode in drawn]
            sizes = {tuple(values.shape) for values in parts}
            require(
                len(sizes) == 1,
                f"Parameter `sources` should give tasks of one size. Found {sizes}.",
            )
            return torch.stack(parts)[place, torch.arange(num_tasks)]

        support = Batch(
            chosen(lambda e: e.support.x),
            chosen(lambda e: e.support.y),
            chosen(lambda e: e.support.mask),
            self.target,
        )
        query = Batch(
            chosen(lambda e: e.query.x),
            chosen(lambda e: e.query.y),
            chosen(lambda e: e.query.mask),
            self.target,
        )
        return Episode(
            self._noisy(support, generator), self._noisy(query, generator), place, moment
        )

    def describe(self) -> dict[str, object]:
        """What all sources say alike (shot and query, as a rule), the sources, and the noise."""
        said = [source.describe() for source in self.sources]
        alike = {
            key: value
            for key, value in said[0].items()
            if all(other.get(key) == value for other in said)
        }
        return {**alike, "source": "mixture", "sources": said, "noise": self.noise}

    def _noisy(self, batch: Batch, generator: torch.Generator) -> Batch:
        if not self.noise:
            return batch
        noise = self.noise * torch.randn(batch.y.shape, generator=generator, dtype=batch.y.dtype)
        return replace(batch, y=batch.y + noise)
