"""Mixtures of sources, and lines."""

import math

import pytest
import torch

import quickstudy as qs
from tests.laws.battery import tensors
from tests.unit.tasks.pools import draw


def constant(value: float, targets: int = 1):
    def family(
        num_tasks: int, num_examples: int, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.rand(num_tasks, num_examples, 1, generator=generator), torch.full(
            (num_tasks, num_examples, targets), value
        )

    return family


def mixture(noise: float = 0.0) -> qs.tasks.Mixture:
    return qs.tasks.Mixture(
        [qs.tasks.Family(constant(float(value)), 3, 5, label=f"{value}") for value in range(3)],
        noise,
    )


def test_each_task_is_whole_of_one_source_and_all_are_as_likely():
    episodes = draw(mixture(), 3000)
    for batch in (episodes.support, episodes.query):
        assert torch.equal(batch.y, episodes.task.reshape(-1, 1, 1).expand_as(batch.y).float())
    counts = episodes.task.bincount()
    assert (abs(counts - 1000) < 4 * math.sqrt(3000 * 2 / 9)).all()
    assert episodes.support.x.shape == (3000, 3, 1) and episodes.query.mask.shape == (3000, 5)


def test_the_noise_has_the_deviation_asked_for_and_none_is_twice():
    episodes = draw(mixture(0.3), 2000)
    noise = torch.cat(
        [batch.y - episodes.task.reshape(-1, 1, 1) for batch in (episodes.support, episodes.query)],
        1,
    )
    assert abs(noise.std() - 0.3) < 0.01 and abs(noise.mean()) < 0.01
    assert len(noise.unique()) > 0.9 * noise.numel()
    assert torch.equal(draw(mixture(0.3), 2000).support.x, draw(mixture(), 2000).support.x)


def test_the_generator_alone_decides():
    with torch.random.fork_rng():
        first, again, other = (draw(mixture(0.1), 20, seed=seed) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(tensors(first), tensors(again), strict=True))
    assert not torch.equal(first.task, other.task)


def test_what_it_says_of_itself():
    assert mixture(0.5).describe() == {
        "source": "mixture",
        "sources": [{"source": f"{value}", "shot": 3, "query": 5} for value in range(3)],
        "noise": 0.5,
        "shot": 3,
        "query": 5,
    }
    assert mixture().target == qs.targets.Numbers((1,))


def test_classes_mix_too():
    pools = [
        qs.tasks.Arrays(torch.full((20, 2), float(value)), torch.arange(20) % 4)
        for value in range(2)
    ]
    sources = [pool.episodes(way=2, shot=1, query=3) for pool in pools]
    episodes = draw(qs.tasks.Mixture(sources), 50)
    assert torch.equal(
        episodes.support.x[:, 0, 0], episodes.task.float()
    ) and episodes.task.unique().tolist() == [0, 1]
    with pytest.raises(qs.UserError, match="0 for classes"):
        qs.tasks.Mixture(sources, noise=0.1)


def test_lines_are_straight_with_slope_and_intercept_between_minus_three_and_three():
    x, y = qs.tasks.Line().draw(500, 20, qs.generator(0, "lines"))
    solution = torch.linalg.lstsq(torch.cat([x, torch.ones_like(x)], -1), y).solution.squeeze(-1)
    torch.testing.assert_close(
        solution[:, :1].unsqueeze(1) * x + solution[:, 1:].unsqueeze(1), y, rtol=1e-4, atol=1e-4
    )
    assert solution.abs().max() <= 3.001 and (solution.abs().max(0).values > 2.9).all()
    assert (abs(solution.std(0) - math.sqrt(3)) < 0.15).all() and abs(
        torch.corrcoef(solution.T)[0, 1]
    ) < 0.15
    assert -5 <= x.min() < -4.9 and 4.9 < x.max() <= 5


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: qs.tasks.Mixture([]), "at least one source"),
        (
            lambda: qs.tasks.Mixture([qs.tasks.Family(constant(0.0, n), 3, 5) for n in (1, 2)]),
            "sources of one target",
        ),
        (lambda: mixture(-0.1), "Found noise=-0.1"),
        (
            lambda: draw(
                qs.tasks.Mixture([qs.tasks.Family(constant(0.0), n, 5) for n in (1, 2)]), 2
            ),
            "tasks of one size",
        ),
    ],
)
def test_errors(make, says):
    with pytest.raises(qs.UserError, match=says):
        make()
