"""The source that draws groups of related tasks: uniform where nothing is known, as the
similarities say where it is."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import chisquare

import quickstudy as qs

TASKS, DRAWS = 6, 1000


def shops(tasks: int = TASKS) -> qs.tasks.FixedTasks:
    rows = pd.DataFrame(
        {"shop": np.repeat(range(tasks), 4), "price": range(4 * tasks), "sold": range(4 * tasks)}
    )
    return qs.tasks.Table(rows, task="shop", target="sold").whole().episodes(shot=2, query=1)


class Bare(qs.tasks.FixedTasks):
    """Tasks of which there is nothing but the identity."""

    target, num_tasks = qs.targets.Numbers((1,)), TASKS

    def draw(self, places, generator):
        empty = qs.Batch(
            torch.zeros(len(places), 0), torch.zeros(len(places), 0), torch.zeros(len(places), 0)
        )
        return qs.Episode(empty, empty, torch.tensor(places))

    def describe(self):
        return {}


def draws(source: qs.tasks.TaskSource, num_tasks: int) -> list[list[int]]:
    return [
        source.sample(num_tasks, qs.Moment(0, "draws", step)).task.tolist() for step in range(DRAWS)
    ]


def likely(drawn: list[list[int]], expected: dict[tuple[int, ...], float]) -> float:
    """The p-value of the ordered selections ``drawn`` under the probabilities ``expected``."""
    counts = dict.fromkeys(expected, 0)
    for selection in drawn:
        counts[tuple(selection)] += 1
    return float(chisquare(list(counts.values()), [DRAWS * expected[key] for key in counts]).pvalue)


@pytest.mark.parametrize("level", [0.0, 0.7])
def test_uniform_relatedness_draws_uniformly(level):
    """All ordered pairs, and all sets of four of two groups, are equally likely, as from the source
    itself."""
    source = qs.tasks.Related(
        Bare(), torch.full((TASKS, TASKS), level).fill_diagonal_(1), group_size=2
    )
    pairs = {(a, b): 1 / 30 for a in range(TASKS) for b in range(TASKS) if a != b}
    assert likely(draws(source, 2), pairs) > 0.01 and likely(draws(Bare(), 2), pairs) > 0.01
    fours = [sorted(selection) for selection in draws(source, 4)]
    assert likely(fours, dict.fromkeys(combinations(range(TASKS), 4), 1 / 15)) > 0.01


def test_companions_are_drawn_as_their_similarity_says():
    similarity = torch.rand(TASKS, TASKS, generator=qs.generator(0, "similarity"))
    similarity = (similarity + similarity.T) / 2
    source = qs.tasks.Related(Bare(), similarity, group_size=3, temperature=0.3)
    weight = (similarity / 0.3).exp().double().numpy()
    expected = {}
    for a in range(TASKS):
        others = [b for b in range(TASKS) if b != a]
        for b in others:
            for c in (c for c in others if c != b):
                total = sum(weight[a, other] for other in others)
                expected[a, b, c] = (
                    weight[a, b] / total * weight[a, c] / (total - weight[a, b]) / TASKS
                )
    assert sum(expected.values()) == pytest.approx(1) and likely(draws(source, 3), expected) > 0.01


def test_groups_of_one_are_the_source():
    drawn, plain = (
        source.sample(5, qs.Moment(1, "train"))
        for source in (qs.tasks.Related(shops(), torch.eye(TASKS), 1), shops())
    )
    assert (
        torch.equal(drawn.task, plain.task)
        and torch.equal(drawn.support.x, plain.support.x)
        and torch.equal(drawn.query.y, plain.query.y)
    )


def test_hard_groups_are_kept_as_long_as_they_have_others():
    groups = torch.tensor([0, 1, 0, 1, 0, 2])
    source = qs.tasks.Related(Bare(), torch.zeros(TASKS, TASKS), group_size=2, groups=groups)
    for first, second in draws(source, 2):
        assert first != second and (groups[first] == groups[second] or first == 5)
    assert sorted(source.sample(6, qs.Moment(0, "all")).task.tolist()) == list(range(TASKS))


def test_more_tasks_than_there_are():
    source = qs.tasks.Related(shops(), torch.eye(TASKS), group_size=4, temperature=0.01)
    task = source.sample(14, qs.Moment(0, "many")).task
    assert task.bincount().tolist().count(3) == 2 and task.bincount().min() == 2
    assert all(task[first] != task[first + other] for first in (0, 4, 8) for other in (1, 2, 3))


def test_it_trains_and_says_what_it_is():
    source = qs.tasks.Related(shops(), torch.eye(TASKS), group_size=2)
    learner = qs.ANIL(qs.models.MLP(1, 1, hidden=(4,)), inner_lr=0.01)
    assert qs.fit(learner, source, steps=2, progress=False).step == 2
    assert (
        source.describe()["related"] == {"group_size": 2, "temperature": 0.25, "hard": False}
        and source.describe()["shot"] == 2
    )
    assert source.target == shops().target and source.draw(
        [3, 1], qs.generator(0, "draw")
    ).task.tolist() == [3, 1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: qs.tasks.Related(shops(), torch.eye(3)),
            r"`similarity` should be \[task, task\] of the 6 tasks. Found shape \(3, 3\)",
        ),
        (
            lambda: qs.tasks.Related(shops(2), torch.tensor([[1, torch.nan], [0, 1]])),
            "`similarity` should be finite. Found NaN",
        ),
        (
            lambda: qs.tasks.Related(shops(2), torch.eye(2), group_size=0),
            "`group_size` should be at least 1. Found group_size=0",
        ),
        (
            lambda: qs.tasks.Related(shops(2), torch.eye(2), temperature=0.0),
            "`temperature` should be positive. Found temperature=0.0",
        ),
        (
            lambda: qs.tasks.Related(shops(2), torch.eye(2), groups=torch.zeros(3)),
            "`groups` should hold the group of each of the 2 tasks",
        ),
    ],
)
def test_errors(make, message):
    with pytest.raises(qs.UserError, match=message):
        make()
