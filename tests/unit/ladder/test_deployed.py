"""The best way for known tasks and the best for new ones are kept."""

from quickstudy.ladder.deployed import Deployed
from quickstudy.ladder.score import Score
from tests.unit.ladder.small import table


def scores(**errors):
    """Errors of a way by protocol: known, and of five and ten rows."""
    names = {"pooled": "pooled, ridge", "ridge": "ridge, task one-hot", "prior": "learned prior"}
    return [
        Score(names[way], shot, split, {"rmse": error}, 0.0, 0.0)
        for way, own in errors.items()
        for shot, error in zip((None, 5, 10), own, strict=True)
        for split in range(2)
    ]


def test_each_use_has_its_best_way():
    found = Deployed.of(table(6, 12), scores(ridge=(1.0, 2.0, 2.0), prior=(2.0, 1.0, 1.0)))
    assert found.known.rung.name == "ridge, task one-hot"
    assert found.new.rung.name == "learned prior" and not found.better
    assert found.words() == [
        "Kept for known tasks: ridge, task one-hot.",
        "Kept for new tasks: learned prior.",
    ]


def test_new_tasks_need_a_way_that_adapts_and_count_every_shot_alike():
    own = {"pooled": (3.0, 1.0, 1.0), "ridge": (3.0, 20.0, 1.5), "prior": (2.0, 30.0, 1.1)}
    found = Deployed.of(table(6, 12), scores(**own))
    assert found.new.rung.name == "ridge, task one-hot" and found.better == "pooled, ridge"
    assert "(pooled, ridge was better, but adapts to no new task quickly)" in found.words()[1]


def test_one_protocol_is_enough():
    only_new = [score for score in scores(prior=(1.0, 1.0, 1.0)) if score.shot]
    found = Deployed.of(table(6, 12), only_new)
    assert found.known is found.new and found.new.rung.name == "learned prior"
