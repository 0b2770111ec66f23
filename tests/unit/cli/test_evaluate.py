"""What ``quickstudy evaluate`` prints."""

from quickstudy.cli.evaluate import _slowest, size_in_words, tell_cost
from quickstudy.training import Evaluation
from tests.unit.cli.processes import evaluation, run


def test_evaluate_prints_one_json_object_and_nothing_else(runs, tmp_path):
    found = evaluation(tmp_path, runs / "sines", "--num-tasks", 6)
    assert (found["metric"], found["num_tasks"], found["shot"], found["way"], found["seed"]) == (
        "mean_squared_error",
        6,
        10,
        None,
        0,
    )
    assert (
        found["baselines"].keys() == {"support mean", "untrained", "from scratch"}
        and len(found["per_task"]) == 6
    )
    assert found["per_task"] == evaluation(tmp_path, runs / "sines", "--num-tasks", 6)["per_task"]
    fewer = evaluation(
        tmp_path, runs / "sines", "--num-tasks", 1, "--baselines", "none", "--steps", 2
    )
    assert (
        fewer["ci95"] is None and fewer["baselines"] == {} and fewer["per_step"][-1]["steps"] == 2
    )


def test_evaluate_serves_another_way_and_shot(runs, tmp_path):
    found = evaluation(
        tmp_path,
        runs / "letters",
        "--num-tasks",
        4,
        "--way",
        8,
        "--shot",
        2,
        "--query",
        3,
        "--baselines",
        "none",
    )
    assert (found["way"], found["shot"], found["metric"], found["num_tasks"]) == (
        8,
        2,
        "accuracy",
        4,
    )
    assert 0 <= found["mean"] <= 1


def test_evaluate_as_a_table(runs, tmp_path):
    done = run(tmp_path, "evaluate", runs / "sines", "--num-tasks", 4)
    assert (
        done.code == 0
        and "support mean" in done.out
        and "after inner steps" in done.out
        and "±" in done.out
    )


def timed(**seconds):
    """An evaluation whose parts took so many seconds."""
    estimates = dict.fromkeys(("untrained", "from scratch"))
    return Evaluation("accuracy", None, 0, False, {}, estimates, {}, [], {}, seconds)


def test_a_slow_baseline_is_told(capsys):
    found = timed(learner=2.0, **{"from scratch": 8.0})
    assert _slowest(found) == ("from scratch", 8.0)
    tell_cost(found)
    told = "Baseline 'from scratch' took 8 s of 10 s: --baselines quick leaves it out.\n"
    assert capsys.readouterr().err == told


def test_a_fast_baseline_and_a_slow_learner_are_not_told(capsys):
    for found in (timed(), timed(untrained=4.0), timed(learner=9.0, untrained=1.0)):
        tell_cost(found)
    assert capsys.readouterr().err == "" and _slowest(timed()) == ("", 0.0)


def test_sizes_in_words():
    assert size_in_words({"way": 5, "shot": 1}) == "5-way 1-shot"
    assert size_in_words({"shot": (1, 5)}) == "(1, 5)-shot"
