"""The time of the parts of an evaluation."""

import quickstudy as qs
from quickstudy.training.stopwatch import Stopwatch


def test_every_part_is_measured_and_its_tasks_are_counted(monkeypatch):
    times = iter([0.0, 2.0, 10.0, 11.5])
    monkeypatch.setattr("quickstudy.training.stopwatch.time.monotonic", lambda: next(times))
    watch = Stopwatch()
    for name in ("this learner", "from scratch"):
        with watch.part(name, 5) as done:
            done(2)
            done(3)
    assert watch.seconds == {"this learner": 2.0, "from scratch": 1.5}


def test_an_evaluation_says_what_each_part_took():
    source = qs.tasks.Sinusoid().episodes(5, 5)
    learner = qs.MAML(qs.models.MLP(1, 1, hidden=(4,)), inner_lr=0.01)
    found = qs.evaluate(learner, source, num_tasks=2, baselines="quick")
    assert found.seconds.keys() == {"this learner", "support mean"}
    assert found.baselines.keys() == {"support mean"} and "seconds" not in found.to_dict()
    assert qs.evaluate(learner, source, 2, baselines=False).baselines == {}
