"""Many logistic regressions at once are scikit-learn's, one by one."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from quickstudy.ladder.rungs.logistics import (
    INVERSE_PENALTIES,
    PENALTY,
    Logistics,
    Problems,
    parts,
)


def problems(way, sizes=(12, 30), seed=0):
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(len(sizes), max(sizes), 3))
    scores = x @ draw.normal(size=(3, way)) + draw.gumbel(size=(*x.shape[:2], way))
    y, mask = scores.argmax(-1), np.zeros(x.shape[:2])
    for place, size in enumerate(sizes):
        mask[place, :size] = 1
    return x, y, mask


@pytest.mark.parametrize("way", [2, 4])
@pytest.mark.parametrize("inverse", [0.1, 10.0])
def test_every_problem_is_solved_as_alone(way, inverse):
    x, y, mask = problems(way)
    made = Problems.of(*map(torch.from_numpy, (x, y, mask)), way)
    model = Logistics.fit(made, torch.full((2,), inverse, dtype=torch.float64))
    found = model.probabilities(torch.from_numpy(x)).numpy()
    for place in range(2):
        own = mask[place] > 0
        alone = LogisticRegression(C=inverse, tol=1e-8, max_iter=5000)
        alone.fit(x[place][own], y[place][own])
        expected = np.zeros((x.shape[1], way))
        expected[:, alone.classes_] = alone.predict_proba(x[place])
        np.testing.assert_allclose(found[place], expected, atol=2e-3)


def test_a_class_that_a_problem_lacks_is_impossible():
    x, y, mask = problems(3)
    y[0] = np.where(y[0] == 1, 0, y[0])
    made = Problems.of(*map(torch.from_numpy, (x, y, mask)), 3)
    found = Logistics.fit(made, torch.ones(2, dtype=torch.float64)).probabilities(made.x[..., :3])
    assert (found[0, :, 1] == 0).all() and (found[1, :, 1] > 0).all()
    torch.testing.assert_close(found.sum(-1), torch.ones(2, 30, dtype=torch.float64))


def test_the_penalty_is_chosen_where_there_are_rows(monkeypatch):
    """Noise asks for a strong penalty, a clear law for a weak one, few rows take the default."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(3, 60, 2))
    noise = draw.integers(0, 2, (60,))
    law = (x[1, :, 0] > 0).astype(int)
    mask = np.ones((3, 60))
    mask[2, 4:] = 0
    y = np.stack([noise, law, np.arange(60) % 2])
    strengths = []
    fit = Logistics.fit

    def recording(made, inverse):
        strengths.append(inverse.tolist())
        return fit(made, inverse)

    monkeypatch.setattr(Logistics, "fit", recording)
    Logistics.chosen(Problems.of(*map(torch.from_numpy, (x, y, mask)), 2), 0)
    assert strengths[-1] == [min(INVERSE_PENALTIES), max(INVERSE_PENALTIES), PENALTY]


def test_a_probability_that_rounds_to_0_does_not_stop_the_choice():
    x = np.concatenate([np.linspace(-1e3, -9e2, 12), np.linspace(9e2, 1e3, 12)])[None, :, None]
    y = np.repeat([0, 1], 12)[None]
    x[0, 0], y[0, 0] = -1e6, 1
    made = Problems.of(*map(torch.from_numpy, (x, y, np.ones((1, 24)))), 2)
    found = Logistics.chosen(made, 0).probabilities(torch.from_numpy(x))
    assert found.isfinite().all()


def test_problems_are_divided_by_their_padded_rows():
    assert parts([3, 4, 2, 9], 8) == [slice(0, 2), slice(2, 3), slice(3, 4)]
    assert parts([5], 1) == [slice(0, 1)] and parts([], 1) == []
