"""The ladder: its scores against scikit-learn's, its rungs on planted tasks, and what it refuses."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import r2_score, root_mean_squared_error

import quickstudy as qs
from quickstudy.training.ladder import ladder_rows, ladder_tasks
from quickstudy.training.rungs import LearnedPrior, MetaLearnedSharing, Pooled, Rung, Sharing, SingleTask, SupportMeanRung, rungs


def table(num_tasks=12, rows=24, seed=0) -> qs.tasks.Table:
    """Lines whose slopes are alike and whose levels are not."""
    draw = np.random.default_rng(seed)
    shop = np.repeat(np.arange(num_tasks), rows)
    x = draw.normal(0, 2, len(shop))
    level, slope = draw.normal(50, 10, num_tasks), draw.normal(3, 0.3, num_tasks)
    return qs.tasks.Table(
        pd.DataFrame({"shop": shop, "x": x, "y": level[shop] + slope[shop] * x + draw.normal(0, 1, len(shop))}), "shop", "y"
    )


class Told(Rung):
    """Predicts the scaled first feature, so that its scores can be computed from the table."""

    name = "told"

    def predict(self, episode, known):
        return episode.query.x[..., :1]


def test_scores_are_those_of_scikit_learn():
    (score,) = ladder_rows(table(), splits=1, ways=[Told()])
    train, test = table().split_rows(0.75, 0)
    predicted = (test.x[:, :1] * train.y.std(0) + train.y.mean(0)).numpy()
    by_task = [root_mean_squared_error(test.y[test.task == t].numpy(), predicted[test.task == t]) for t in range(12)]
    assert score.rmse == pytest.approx(np.mean(by_task), rel=1e-5)
    assert score.explained == pytest.approx(r2_score(test.y.numpy(), predicted), rel=1e-5)


def test_what_is_shared_is_worth_something_where_tasks_share():
    """Two rows of a new task: the prior knows the slope, so they give the level; a line through two rows does not do."""
    ways = [SupportMeanRung(), next(rung for rung in rungs() if rung.name == "single task, ridge"), Pooled(), LearnedPrior()]
    found = {(score.name, score.protocol): score.rmse for score in ladder_tasks(table(), (2, 6), 4, splits=1, draws=2, ways=ways)}
    prior = {shot: found["learned prior", f"K = {shot}"] for shot in (2, 6)}
    assert prior[6] < prior[2] < 2 and all(
        prior[shot] < 0.7 * found[name, f"K = {shot}"] for name in ("support mean", "pooled, ridge") for shot in (2, 6)
    )
    assert prior[2] < 0.5 * found["single task, ridge", "K = 2"]


@pytest.mark.parametrize(
    "make",
    [lambda: Sharing("pooled", False, True, 30), lambda: Sharing("hard", True, False, 30), lambda: Sharing("refitted", True, True, 30)],
)
def test_networks_learn(make):
    scores = ladder_rows(table(), splits=1, ways=[Pooled(), make()])
    assert scores[1].rmse < scores[0].rmse


def test_meta_learned_sharing_learns():
    pooled, meta = ladder_rows(table(), splits=1, ways=[Pooled(), MetaLearnedSharing()])
    assert meta.rmse < 0.7 * pooled.rmse


def test_the_evidence_chooses_the_features():
    train, _ = table().split_rows(0.75, 0)
    chosen = []
    for square in (0.0, 1.0):
        rung = LearnedPrior()
        rung.fit(
            qs.tasks.TableTasks(
                train.x,
                (train.y - 50) / 10 + square * train.x**2,
                *(getattr(train, n) for n in ("task", "names", "identity", "kind", "encoder", "label")),
            ),
            0,
        )
        chosen.append(rung.learner.model.degree)
    assert chosen == [1, 2]


def test_a_single_task_without_rows_is_predicted_by_the_mean_of_the_others():
    rung = SingleTask("ridge", lambda rows: None, least=3)
    support = qs.Batch(torch.zeros(2, 2, 1), torch.tensor([[[1.0], [2.0]], [[0.0], [0.0]]]), torch.tensor([[1.0, 1.0], [0.0, 0.0]]))
    episode = qs.Episode(support, qs.Batch(torch.zeros(2, 3, 1), torch.zeros(2, 3, 1), torch.ones(2, 3)), torch.arange(2))
    assert rung.predict(episode, False)[..., 0].tolist() == [[1.5] * 3, [0.0] * 3]


def test_the_splits_are_seeded_and_paired():
    one, two = (ladder_tasks(table(), (3,), 4, splits=2, draws=1, ways=[Pooled()]) for _ in range(2))
    assert [score.rmse for score in one] == [score.rmse for score in two] and one[0].rmse != one[1].rmse
    assert [score.split for score in one] == [0, 1]


def test_classes_are_refused():
    rows = pd.DataFrame({"shop": [1, 1, 2, 2], "x": [1.0, 2, 3, 4], "y": ["a", "b", "a", "b"]})
    with pytest.raises(qs.UserError, match="for targets that are numbers"):
        ladder_rows(qs.tasks.Table(rows, "shop", "y", kind="classification"), 1)
