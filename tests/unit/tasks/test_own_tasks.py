"""A source of tasks of one's own is data whose splits are the source itself."""

import pytest

import quickstudy as qs
from quickstudy.describe import describe
from quickstudy.tasks.own_tasks import OwnTasks
from quickstudy.tasks.registry import make


class Halves(qs.tasks.TaskSource):
    """Draws lines through the origin."""

    def __init__(self, shot: int = 3) -> None:
        self.shot = shot
        self.lines = qs.tasks.Line().episodes(shot, 2)
        self.target = self.lines.target

    def sample(self, num_tasks, moment):
        return self.lines.sample(num_tasks, moment)

    def describe(self):
        return {"source": "halves", "shot": self.shot}


def test_every_use_of_the_data_is_the_source():
    data = make(Halves, {"shot": 4})
    source = data.tasks("train", way=None, within_group=False)
    assert isinstance(data, OwnTasks) and isinstance(source, Halves) and source.shot == 4
    used = (data.evaluation("all"), data.validation(), data.split("test").episodes())
    assert all(one is source for one in used)
    assert data.options() == ()


def test_the_source_is_described_by_itself():
    data = OwnTasks(Halves(4))
    data.split("train").episodes()
    assert describe(data.tasks("train")) == {"class": f"{__name__}:Halves", "shot": 4}


def test_mistakes():
    with pytest.raises(qs.UserError, match=r"Tasks of Halves have the options .* Found `way`"):
        OwnTasks(Halves()).evaluation("test", way=3)
    with pytest.raises(qs.UserError, match="Found 'all'"):
        OwnTasks(Halves()).split("all")
    with pytest.raises(qs.UserError, match=r"has no option `size`\. It has shot"):
        make(Halves, {"size": 3})
