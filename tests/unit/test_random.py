import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from quickstudy.random import distinct, generator

few = settings(deadline=None, derandomize=True, max_examples=25)


def stream(*name: int | str) -> list[float]:
    return torch.rand(4, generator=generator(*name)).tolist()


def test_a_generator_depends_on_its_name_alone():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        first = stream(0, "train", 7)
        torch.manual_seed(2)
        assert stream(0, "train", 7) == first
    names = [
        (0, "train", 7),
        (1, "train", 7),
        (0, "evaluate", 7),
        (0, "train", 8),
        (0, "train"),
        (7, "train", 0),
    ]
    assert len({tuple(stream(*name)) for name in names}) == len(names)


def test_neighbouring_names_do_not_run_together():
    assert (
        len(
            {
                tuple(stream(*name))
                for name in [(1, "a", 11), (11, "a", 1), (1, "1a", 1), (1, "a1", 1), (1, "a", 1)]
            }
        )
        == 5
    )


def test_neighbouring_steps_give_unrelated_streams():
    firsts = torch.stack(
        [torch.rand(1, generator=generator(0, "train", step)) for step in range(2000)]
    ).flatten()
    assert abs(firsts.mean() - 0.5) < 0.03
    assert abs(torch.corrcoef(torch.stack([firsts[1:], firsts[:-1]]))[0, 1]) < 0.07


def test_streams_stay_what_they_were():
    # resuming an old run relies on it
    assert torch.randint(1000, (5,), generator=generator(0, "train", 0)).tolist() == [
        306,
        2,
        416,
        362,
        324,
    ]


@few
@given(
    sizes=st.lists(st.integers(4, 30), min_size=1, max_size=5),
    count=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_choose_is_without_replacement_and_within_the_population(sizes, count, seed):
    population = torch.tensor(sizes)
    before = population.clone()
    chosen = distinct(population, count, torch.Generator().manual_seed(seed))
    assert chosen.shape == (len(sizes), count) and chosen.dtype == torch.int64
    assert (chosen >= 0).all() and (chosen < population.unsqueeze(1)).all()
    assert all(len(row.unique()) == count for row in chosen)
    assert torch.equal(population, before)
    assert torch.equal(chosen, distinct(population, count, torch.Generator().manual_seed(seed)))


@pytest.mark.parametrize(("size", "count"), [(5, 1), (4, 2), (5, 3), (4, 4)])
def test_every_ordered_selection_is_equally_likely(size, count):
    num_draws, cells = 24_000, math.perm(size, count)
    chosen = distinct(torch.full((num_draws,), size), count, torch.Generator().manual_seed(0))
    codes = (chosen * size ** torch.arange(count)).sum(1)
    observed = codes.unique(return_counts=True)[1].double()
    assert len(observed) == cells
    expected = num_draws / cells
    chi_square = ((observed - expected) ** 2 / expected).sum().item()
    degrees = cells - 1
    assert abs(chi_square - degrees) < 4 * math.sqrt(2 * degrees)


def test_choosing_everything_is_a_permutation_and_shapes_are_kept():
    chosen = distinct(torch.full((2, 3), 6), 6, torch.Generator().manual_seed(0))
    assert chosen.shape == (2, 3, 6)
    assert torch.equal(chosen.sort(-1).values, torch.arange(6).expand(2, 3, 6))


def test_a_large_population_is_no_trouble():
    chosen = distinct(torch.tensor([10**12]), 3, torch.Generator().manual_seed(0))
    assert (chosen > 10**9).any() and (chosen < 10**12).all()
