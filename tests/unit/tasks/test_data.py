"""The face of all data: splits, options, and what a run can tell of it."""

import inspect

import pytest
import torch

import quickstudy as qs
from quickstudy.describe import build, describe
from quickstudy.tasks import SOURCES, Data
from quickstudy.tasks.data import SPLITS, divide, given_options
from tests.unit.tasks.pools import draw, numbered


class Letters(Data):
    """Data of a user's own: 3, 2 and 1 classes of 4 examples."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def split(self, name):
        return numbered([4] * (3 - SPLITS.index(name)))


qs.register(Letters)


def test_divide_gives_every_place_once_and_its_share():
    parts = divide(20, (0.5, 0.2, 0.3), seed=1)
    assert [len(parts[name]) for name in SPLITS] == [10, 4, 6]
    assert torch.cat(list(parts.values())).sort().values.tolist() == list(range(20))
    assert all(part.tolist() == sorted(part.tolist()) for part in parts.values())
    assert divide(20, (0.5, 0.2, 0.3), 1)["train"].equal(parts["train"])
    assert not divide(20, (0.5, 0.2, 0.3), 2)["train"].equal(parts["train"])


def test_options_that_tasks_do_not_have_are_refused():
    data = qs.tasks.Sinusoid()
    assert data.options() == ("shot", "query")
    with pytest.raises(qs.UserError) as error:
        data.tasks("train", way=5, shot=2)
    assert str(error.value) == ("Tasks of sinusoid have no option `way`. They have shot, query.")
    assert data.tasks("train", way=None, shot=2).describe()["shot"] == 2


def test_judging_has_as_many_queries_as_there_are():
    data = Letters()
    assert data.evaluation("train", way=2, shot=1).query == 3  # 4 examples of a class
    assert data.evaluation("train", way=2, shot=1, query=2).query == 2
    validation = data.validation(way=3, shot=1)
    assert (validation.way, validation.query) == (2, 3)  # 2 classes validate
    assert qs.tasks.Sinusoid().evaluation(shot=5).query == 100


def test_all_of_data_is_its_test_split_unless_it_says_more():
    assert Letters().evaluation("all", way=1, shot=1).pool.num_classes == 1
    x, y = torch.zeros(12, 1), torch.arange(12) % 6
    assert qs.tasks.Arrays(x, y).evaluation("all", way=6, shot=1).pool.num_classes == 6


@pytest.mark.parametrize("name", SOURCES)
def test_every_argument_is_kept_as_an_attribute_and_can_be_told(name):
    kind = SOURCES[name]
    assert issubclass(kind, Data) and kind.__doc__.splitlines()[0].endswith(".")
    source = inspect.getsource(kind)
    for argument in inspect.signature(kind).parameters:
        assert f"self.{argument}" in source
        assert f"        {argument}: " in kind.__doc__


@pytest.mark.parametrize("name", ["sinusoid", "sinusoid_metasgd", "line", "mixture"])
def test_a_family_is_told_in_plain_values_and_made_again(name):
    source = qs.tasks.open_source(name).tasks("train", shot=3, query=2)
    again = build(describe(source))
    assert again.describe() == source.describe()
    assert torch.equal(draw(again).query.y, draw(source).query.y)


def test_data_of_a_users_own_is_told_without_a_word_from_them():
    source = Letters(seed=3).split("validation").episodes(way=2, shot=1, query=1)
    assert describe(source)["of"] == {
        "call": "split",
        "of": {"class": "Letters", "seed": 3},
        "name": "validation",
    }
    assert build(describe(source)).pool.num_classes == 2


def test_options_that_are_none_are_not_given():
    assert given_options({"way": 5, "shot": None, "within_group": False}) == {
        "way": 5,
        "within_group": False,
    }


def test_an_evaluation_leaves_queries_beside_the_shots():
    # every class has 4 examples
    assert Letters().evaluation("train", way=2, shot=3).query == 1
    assert Letters().evaluation("train", way=2, shot=1).query == 3
    assert Letters().evaluation("train", way=2, shot=1, query=2).query == 2
