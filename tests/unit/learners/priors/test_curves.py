"""Features chosen by held-out tasks: knots, scores of products, and planted curves."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

import quickstudy as qs
from quickstudy.learners.priors.curves import chosen, clearest, curved, knots
from quickstudy.models import Expansion
from quickstudy.tasks import TableTasks


def table(kind: str) -> TableTasks:
    """Thirty shops of ten rows; what is sold depends on ``a`` and ``b`` by the ``kind``."""
    draw = np.random.default_rng(3)
    shop = np.repeat(np.arange(30), 10)
    a, b = draw.normal(size=(2, 300))
    shapes = {"plain": a, "bent": 3 * np.maximum(0, a), "square": a**2, "product": a + a * b}
    level = draw.normal(size=30)[shop]
    sold = shapes[kind] + level + 0.2 * draw.normal(size=300)
    rows = pd.DataFrame({"shop": shop, "a": a, "b": b, "late": shop % 2, "sold": sold})
    return qs.tasks.Table(rows, "shop", "sold").whole()


def fitted(features: Expansion, train: TableTasks) -> tuple[qs.LinearPrior, float]:
    learner = qs.LinearPrior(features).double()
    return learner, learner.fit_tasks(train, noise="shared")[0].held_out


def test_knots_are_quantiles_of_inputs_of_many_values():
    x = table("plain").x
    assert curved(x) == [0, 1]
    found = knots(x, 3)
    assert len(found) == x.shape[1] and found[2] == ()
    expected = x[:, 0].double().quantile(torch.tensor([0.25, 0.5, 0.75]).double())
    assert found[0] == pytest.approx(expected.tolist())


@pytest.mark.parametrize("kind", ["plain", "bent", "square", "product"])
def test_the_shape_that_was_planted_is_found(kind):
    train = table(kind)
    features = chosen(train, partial(fitted, train=train)).model
    found = {
        "bent": bool(features.knots),
        "square": (0, 0) in features.products,
        "product": (0, 1) in features.products,
        "plain": not features.knots and not features.products,
    }
    # bends make a square too
    assert found[kind] or (kind == "square" and found["bent"])


def test_a_product_that_tells_is_the_clearest_and_others_are_left_out():
    train = table("product")
    learner, _ = fitted(Expansion(3), train)
    assert clearest(learner, train, ((0, 1), (0, 2), (1, 2))) == ((0, 1),)
    plain = table("plain")
    assert clearest(fitted(Expansion(3), plain)[0], plain, ((0, 1), (0, 2), (1, 2))) == ()
