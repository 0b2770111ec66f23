"""Shrinking by the disagreement of halves: its limits, its formula, and the truth it comes near."""

import pytest
import torch
from torch import Tensor

import quickstudy as qs
from quickstudy.relatedness import cosines, shrink
from quickstudy.relatedness.gradients import inner_products
from quickstudy.relatedness.halves import halves
from quickstudy.relatedness.shrink import by_task, off_diagonal

DOUBLE = torch.float64


def seen_of(
    vectors: Tensor, noise: Tensor, splits: int = 10, seed: int = 0, rows: int = 8
) -> Tensor:
    """Cosines of halves of tasks with the true ``vectors`` ``[task, parameter]``.

    They are seen in rows whose mean has ``noise`` ``[task]``.
    """
    draw = torch.randn(
        len(vectors), rows, vectors.shape[1], generator=qs.generator(seed, "noise"), dtype=DOUBLE
    )
    seen = vectors.unsqueeze(1) + rows**0.5 * noise.reshape(-1, 1, 1) * draw
    half = halves(
        torch.ones(len(vectors), rows, dtype=DOUBLE), torch.arange(len(vectors)), splits, seed
    )
    return cosines(inner_products(torch.einsum("ratn,tnp->ratp", half, seen) * 2 / rows))


def groups_of_vectors(count: int = 30, size: int = 8) -> Tensor:
    draw = qs.generator(1, "vectors")
    return torch.randn(3, size, generator=draw, dtype=DOUBLE).repeat(
        count // 3, 1
    ) + 0.2 * torch.randn(count, size, generator=draw, dtype=DOUBLE)


def true_cosines(vectors: Tensor) -> Tensor:
    return torch.cosine_similarity(vectors.unsqueeze(0), vectors.unsqueeze(1), dim=-1)


def test_halves_that_agree_are_not_shrunk():
    vectors = groups_of_vectors()
    found = shrink(seen_of(vectors, torch.zeros(30, dtype=DOUBLE)))
    assert torch.allclose(
        found.similarity, true_cosines(vectors)
    ) and found.reliability == pytest.approx(1)


def test_mere_noise_is_shrunk_to_the_mean():
    """Vectors that are all noise: only a small part of the differences is left."""
    left, seen = [], []
    for seed in range(5):
        cosine = seen_of(torch.zeros(40, 8, dtype=DOUBLE), torch.ones(40, dtype=DOUBLE), 10, seed)
        found = shrink(cosine)
        left.append(float(found.similarity[off_diagonal(40)].std()))
        seen.append(float(cosine[:, 0, 0].mean(0)[off_diagonal(40)].std()))
        assert found.reliability < 0.1
    assert sum(left) < 0.2 * sum(seen)


def test_a_task_that_is_all_noise_is_related_to_all_alike():
    vectors, noise = groups_of_vectors(), torch.full((30,), 0.3, dtype=DOUBLE)
    vectors[0], noise[0] = 0, 3
    found = shrink(seen_of(vectors, noise))
    spread = [float(found.similarity[task][torch.arange(30) != task].std()) for task in (0, 1)]
    assert spread[0] < 0.15 * spread[1]


@pytest.mark.parametrize("level", [0.5, 1.0, 2.0])
def test_shrunk_is_nearer_to_the_truth(level):
    """Tasks may differ in noise, which makes the cosines of noisy tasks small."""
    vectors = groups_of_vectors(size=50)
    order = torch.randperm(30, generator=qs.generator(0, "order"))
    noise = level * torch.linspace(0.2, 2, 30, dtype=DOUBLE)[order]
    seen, truth = seen_of(vectors, noise), true_cosines(vectors)
    errors = [
        (matrix - truth)[off_diagonal(30)].square().mean()
        for matrix in (shrink(seen).similarity, seen.mean((0, 1, 2)))
    ]
    assert errors[0] < 0.6 * errors[1]


def test_the_formula_of_one_pair_by_hand():
    """Three tasks of clarity 0.81, two splits; one pair differs between the halves by 0.2."""
    seen = torch.full((2, 2, 2, 3, 3), 0.4, dtype=DOUBLE)
    seen[:, 0, 1], seen[:, 1, 0] = 0.4, 0.4
    seen += torch.eye(3) * 0.41
    seen[:, 0, 0, 0, 1] = seen[:, 0, 0, 1, 0] = 0.9
    seen[:, 1, 1, 0, 1] = seen[:, 1, 1, 1, 0] = 0.7
    found = shrink(seen)
    assert torch.allclose(found.clarity, torch.full((3,), 0.81, dtype=DOUBLE))
    average = (0.9 + 0.7 + 0.4 + 0.4) / 4
    mean = (average + 0.4 + 0.4) / 3 / 0.81
    lowered = 0.81 * mean
    variance = ((0.9 - lowered) * (0.7 - lowered) + 2 * (0.4 - lowered) ** 2) / 3 / 0.81**2
    # 0.2² / 2 is the variance of one half, all of it in tasks 0 and 1; of their mean it is half
    noise = 0.01
    gain = 0.81 * variance / (0.81**2 * variance + noise)
    assert found.mean == pytest.approx(mean) and found.variance == pytest.approx(variance)
    assert float(found.noise[0, 1]) == pytest.approx(noise)
    assert float(found.similarity[0, 1]) == pytest.approx(mean + gain * (average - lowered))


def test_the_noise_of_pairs_is_that_of_their_tasks():
    each = torch.tensor([0.1, 0.4, 0.0, 0.9])
    values = each.unsqueeze(0) + each.unsqueeze(1)
    assert torch.allclose(
        by_task(values.fill_diagonal_(7.0))[off_diagonal(4)], values[off_diagonal(4)]
    )


def test_tasks_without_a_norm_have_cosine_zero():
    found = shrink(cosines(torch.zeros(2, 2, 2, 3, 3, dtype=DOUBLE)))
    assert torch.equal(found.similarity, torch.eye(3, dtype=DOUBLE)) and found.reliability == 0
