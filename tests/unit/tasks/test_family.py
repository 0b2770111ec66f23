import math

import pytest
import torch

import quickstudy as qs
from tests.laws.battery import tensors
from tests.unit.tasks.pools import draw


def counting(
    num_tasks: int, num_examples: int, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs that are their own number, and two targets."""
    x = torch.arange(num_tasks * num_examples, dtype=torch.float64).reshape(
        num_tasks, num_examples, 1
    )
    return x, torch.cat([x, torch.rand(x.shape, generator=generator, dtype=x.dtype)], -1)


def test_the_first_examples_are_the_support_set_and_none_is_in_both():
    source = qs.tasks.Family(counting, shot=3, query=2, label="counting")
    episodes = draw(source, 4)
    assert source.target == qs.targets.Numbers((2,))
    assert episodes.support.x[0].flatten().tolist() == [0, 1, 2] and episodes.query.x[
        0
    ].flatten().tolist() == [3, 4]
    assert episodes.support.y.shape == (4, 3, 2) and episodes.query.y.shape == (4, 2, 2)
    assert len(torch.cat([episodes.support.x, episodes.query.x], 1).unique()) == 20
    assert (episodes.support.mask == 1).all() and episodes.query.mask.dtype == torch.float64
    assert episodes.task.tolist() == [0, 1, 2, 3]
    assert source.describe() == {"source": "counting", "shot": 3, "query": 2}


@pytest.mark.parametrize(
    "source", [qs.tasks.Family(counting, 2, 2), qs.tasks.Sinusoid().episodes(5, 5)]
)
def test_the_generator_alone_decides_the_tasks(source):
    with torch.random.fork_rng():
        first, again, other = draw(source, seed=1), draw(source, seed=1), draw(source, seed=2)
    assert all(torch.equal(a, b) for a, b in zip(tensors(first), tensors(again), strict=True))
    assert not torch.equal(first.support.y, other.support.y)


def fit(x: torch.Tensor, y: torch.Tensor, frequency: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Amplitude and residual of the least-squares ``a sin(ωx) + b cos(ωx)`` for one task."""
    design = torch.cat([(frequency * x).sin(), (frequency * x).cos()], -1)
    solution = torch.linalg.lstsq(design, y).solution
    return solution.norm(), (design @ solution - y).abs().max()


def test_sinusoids_of_maml():
    episodes = draw(qs.tasks.Sinusoid().episodes(shot=10, query=20), 200)
    assert episodes.query.x.min() >= -5 and episodes.query.x.max() <= 5
    amplitudes, residuals = zip(
        *(fit(x, y, 1.0) for x, y in zip(episodes.query.x, episodes.query.y, strict=True)),
        strict=True,
    )
    assert max(residuals) < 1e-3  # every task is A sin(x - phi)
    assert min(amplitudes) >= 0.099 and max(amplitudes) <= 5.001
    assert abs(torch.stack(amplitudes).mean() - 2.55) < 0.3


def test_phases_of_maml_lie_between_zero_and_pi():
    x, y = qs.tasks.Sinusoid().draw(300, 40, qs.generator(0, "phase"))
    design = torch.cat([x.sin(), x.cos()], -1)
    # A sin(x - phi) = A cos(phi) sin x - A sin(phi) cos x
    a, b = torch.linalg.lstsq(design, y).solution.squeeze(-1).T
    phase = torch.atan2(-b, a)
    assert phase.min() > -1e-3 and phase.max() < math.pi + 1e-3
    assert abs(phase.mean() - math.pi / 2) < 0.2


def test_frequencies_of_meta_sgd_vary():
    x, y = qs.tasks.SinusoidMetaSGD().draw(40, 30, qs.generator(0, "frequency"))
    grid = torch.linspace(0.8, 1.2, 81)
    best = torch.tensor(
        [
            min((fit(x[t], y[t], w)[1] / y[t].abs().max(), w) for w in grid.tolist())[::-1]
            for t in range(40)
        ]
    )
    assert (best[:, 1] < 0.05).all()
    assert best[:, 0].min() < 0.85 and best[:, 0].max() > 1.15
