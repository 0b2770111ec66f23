"""The learner that was asked for, and its network."""

import pytest
import torch

import quickstudy as qs
from quickstudy.cli.asked import asked
from quickstudy.cli.drawing import open_data, training_tasks
from quickstudy.cli.making import learner_class, make_learner, num_identities, start_from
from quickstudy.errors import UserError


def made(learner, *words):
    found = asked(learner, list(words))
    return make_learner(found, training_tasks(found, open_data(found)))


def test_the_seed_makes_the_weights():
    weights = [
        made("maml", "--data", "sinusoid", "--seed", seed).state_dict() for seed in ("0", "0", "1")
    ]
    same = [all(map(torch.equal, weights[0].values(), one.values())) for one in weights]
    assert same == [True, True, False]


def test_the_data_decide_the_size_of_the_network():
    model = made("maml", "--data", "glyphs", "--way", "7", "--channels", "4").model
    assert (model.way, model.in_channels, model.channels) == (7, 1, 4)
    compared = made("protonet", "--data", "glyphs", "--way", "7", "--channels", "4").model
    assert compared.way is None


def test_tasks_of_training_may_have_fewer_classes_than_the_network():
    words = ("--data", "glyphs", "--way", "5", "--train-way", "2", "--channels", "4")
    assert made("maml", *words).model.way == 5


def test_identities_are_those_of_the_whole_table(tmp_path):
    rows = [f"{shop},{row},{shop + row}" for shop in range(20) for row in range(8)]
    (tmp_path / "t.csv").write_text("\n".join(["shop,price,sold", *rows]) + "\n")
    words = ["--task", "shop", "--target", "sold", "--shot", "2", "--query", "3"]
    found = asked("hard_sharing", ["--data", str(tmp_path / "t.csv"), *words])
    assert num_identities(training_tasks(found, open_data(found))) == 20
    sines = qs.tasks.Sinusoid().episodes(shot=2, query=2)
    assert num_identities(sines) is None


def test_a_class_that_is_no_learner():
    assert learner_class("maml") is qs.MAML
    with pytest.raises(UserError, match=r"should be a learner, a subclass of qs\.Learner"):
        learner_class("quickstudy.tasks:Glyphs")


def test_a_run_starts_from_the_same_network_only(tmp_path):
    small, large = (
        made("maml", "--data", "sinusoid", "--hidden", size, "--seed", seed)
        for size, seed in (("4", "1"), ("8", "2"))
    )
    sines = qs.tasks.Sinusoid().episodes(shot=2, query=2)
    qs.train(small, sines, steps=1, tasks_per_step=1, out=tmp_path / "run", progress=False)
    other = made("maml", "--data", "sinusoid", "--hidden", "4", "--seed", "3")
    start_from(other, {"start_from": tmp_path / "run", "classes": ()})
    assert all(map(torch.equal, other.state_dict().values(), small.state_dict().values()))
    with pytest.raises(UserError, match="should name a run of the same learner and network"):
        start_from(large, {"start_from": tmp_path / "run", "classes": ()})
