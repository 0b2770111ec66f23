"""Many ridge regressions at once are scikit-learn's, one by one."""

import numpy as np
import torch
from sklearn.linear_model import RidgeCV

from quickstudy.ladder.rungs.ridges import Ridges
from quickstudy.ladder.rungs.rung import PENALTIES


def test_every_problem_is_solved_as_alone():
    draw = np.random.default_rng(0)
    sizes, features = (3, 7, 20), 4
    x, mask = draw.normal(size=(3, 20, features)), np.zeros((3, 20))
    y = x @ draw.normal(size=(features, 2)) + draw.normal(0, 2, (3, 20, 2))
    for place, size in enumerate(sizes):
        mask[place, :size] = 1
    model = Ridges.fit(*map(torch.from_numpy, (x, y, mask)))
    new = draw.normal(size=(3, 5, features))
    found = model(torch.from_numpy(new)).numpy()
    for place, size in enumerate(sizes):
        for target in range(2):
            alone = RidgeCV(PENALTIES).fit(x[place, :size], y[place, :size, target])
            np.testing.assert_allclose(
                found[place, :, target], alone.predict(new[place]), rtol=1e-5, atol=1e-7
            )


def test_a_single_row_is_the_prediction():
    one = torch.ones(1, 1, 1, dtype=torch.float64)
    model = Ridges.fit(one, 5 * one, one[..., 0])
    assert model(torch.zeros(1, 2, 1, dtype=torch.float64)).flatten().tolist() == [5.0, 5.0]
