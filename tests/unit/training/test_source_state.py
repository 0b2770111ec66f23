"""Sources that depend on what happened: they hear of every step, and resuming goes on with what
they know."""

import torch

import quickstudy as qs
from quickstudy.random import Moment


class Hard(qs.tasks.TaskSource):
    """Sinusoids whose amplitude follows the loss of the step before: a curriculum with a memory."""

    target = qs.targets.Numbers((1,))

    def __init__(self) -> None:
        self.scale = torch.ones(())
        self.heard: list[int] = []

    def sample(self, num_tasks: int, moment: Moment) -> qs.Episode:
        drawn = qs.tasks.Sinusoid().episodes(shot=3, query=3).sample(num_tasks, moment)
        support, query = (
            qs.Batch(part.x, self.scale * part.y, part.mask)
            for part in (drawn.support, drawn.query)
        )
        return qs.Episode(support, query, drawn.task, moment)

    def describe(self) -> dict[str, object]:
        return {"source": "hard"}

    def told(self, episodes: qs.Episode, losses: torch.Tensor, moment: Moment) -> None:
        self.scale = 0.5 * self.scale + 0.1 * losses.mean()
        self.heard = [*self.heard, moment.step]

    def state(self) -> dict[str, object]:
        return {"scale": self.scale, "heard": self.heard}

    def restore(self, state: dict[str, object]) -> None:
        self.scale, self.heard = state["scale"], list(state["heard"])


def trained(out, steps: int, source: Hard, resume: bool = False) -> dict[str, torch.Tensor]:
    learner = qs.MAML(qs.models.MLP(1, 1, hidden=(8,)), 0.05)
    qs.fit(learner, source, steps, 2, out, progress=False, resume=resume)
    return learner.state_dict()


def test_a_resumed_run_draws_what_an_uninterrupted_one_draws(tmp_path):
    whole, first, second = Hard(), Hard(), Hard()
    expected = trained(tmp_path / "whole", 6, whole)
    trained(tmp_path / "parts", 3, first)
    found = trained(tmp_path / "parts", 6, second, resume=True)
    assert second.heard == list(range(6)) == whole.heard
    assert torch.equal(second.scale, whole.scale) and not torch.equal(first.scale, whole.scale)
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


def test_a_source_that_forgets_would_be_noticed(tmp_path):
    """The state matters: without it the resumed run is another one."""

    class Forgets(Hard):
        def restore(self, state: dict[str, object]) -> None:
            pass

    expected = trained(tmp_path / "whole", 6, Hard())
    trained(tmp_path / "parts", 3, Hard())
    found = trained(tmp_path / "parts", 6, Forgets(), resume=True)
    assert not all(torch.equal(found[name], value) for name, value in expected.items())
