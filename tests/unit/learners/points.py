"""Points of four classes, and rows of tasks with a planted prior, for the tests of learners."""

import torch

import quickstudy as qs
from quickstudy import Batch
from quickstudy.learners.linear_prior import with_one


def points(count: int, seed: int) -> torch.Tensor:
    return torch.randn(count, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


X, Y, NEW = points(12, 0), torch.arange(12) % 4, points(7, 1)


def scores_of(learner: qs.Learner) -> torch.Tensor:
    learner = learner.double()
    return learner.predict(learner.adapt(Batch.of(X, Y)), NEW.unsqueeze(0))[0]


def drawn_rows(
    generator: torch.Generator,
    tasks: int,
    each: int,
    mean: torch.Tensor,
    factor: torch.Tensor,
    noise: float,
) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
    """Draw rows of tasks from a prior, of sizes from 1 to ``2 each``."""

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    sizes = (1 + torch.randint(0, 2 * each, (tasks,), generator=generator)).tolist()
    x = with_one(draw(sum(sizes), len(mean) - 1))
    weights = (mean + draw(tasks, len(mean)) @ factor.T).repeat_interleave(torch.tensor(sizes), 0)
    return x, (x * weights).sum(1) + noise * draw(len(x)), sizes
