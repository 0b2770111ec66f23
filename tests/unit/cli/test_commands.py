"""What every command prints and leaves where all goes well."""

import json
import subprocess
import sys
from importlib.metadata import version

import pytest
import torch

import quickstudy as qs
from quickstudy.cli.main import COMMANDS
from quickstudy.learners import LEARNERS
from quickstudy.models import MODELS
from quickstudy.tasks import SOURCES
from tests.unit.cli.processes import run


def test_the_program_itself():
    done = subprocess.run(
        [sys.executable, "-m", "quickstudy", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == (f"quickstudy {version('quickstudy')}\n", "")


@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["--help"], 0), (["-h"], 0)])
def test_usage(tmp_path, arguments, code):
    done = run(tmp_path, *arguments)
    assert (done.code, done.err) == (code, "") and all(
        f"\n  {name} " in done.out for name in COMMANDS
    )


@pytest.mark.parametrize("command", [*COMMANDS, "train maml", "train protonet --data omniglot"])
def test_help(tmp_path, command):
    done = run(tmp_path, *command.split(), "--help")
    assert (done.code, done.err) == (0, "") and done.out.startswith(
        "usage: quickstudy " + command.split()[0]
    )


def test_the_help_of_a_learner_tells_of_its_arguments_and_its_recipe(tmp_path):
    done = run(tmp_path, "train", "maml", "--data", "sinusoid", "--help")
    assert "--inner-lr" in done.out and "--checkpoint-seconds" in done.out and "10000" in done.out


def test_list(tmp_path):
    done = run(tmp_path, "list")
    assert (done.code, done.err) == (0, "")
    assert all(
        f"\n  {name} " in done.out for table in (LEARNERS, SOURCES, MODELS) for name in table
    )


def test_doctor(tmp_path):
    done = run(tmp_path, "doctor")
    assert (done.code, done.err) == (0, "") and "torch" in done.out and "cache" in done.out
    done = run(tmp_path, "doctor", "--root", tmp_path / "nothing")
    assert (
        done.code == 2 and done.err.startswith("problem ") and str(tmp_path / "nothing") in done.err
    )


def test_what_training_leaves(runs):
    details = json.loads((runs / "sines" / "run.json").read_text())
    assert details["settings"]["learner"] == "maml" and details["settings"]["steps"] == 30
    assert details["command"].startswith("quickstudy train maml --data sinusoid")
    assert (runs / "sines" / "metrics.jsonl").exists() and (
        runs / "sines" / "best.safetensors"
    ).exists()


def evaluation(tmp_path, *arguments):
    done = run(tmp_path, "evaluate", *arguments, "--json")
    assert done.code == 0, done.err
    assert done.out.count("\n") == 1
    return json.loads(done.out, parse_constant=pytest.fail)


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


def test_compare(runs, tmp_path):
    done = run(tmp_path, "compare", runs / "sines", runs / "sines", "--num-tasks", 5, "--json")
    found = json.loads(done.out, parse_constant=pytest.fail)
    assert done.code == 0 and found["difference"]["mean"] == 0 and found["significant"] is False
    done = run(tmp_path, "compare", runs / "sines", runs / "sines", "--num-tasks", 5)
    assert done.code == 0 and "A − B, paired" in done.out and "not significant" in done.out


def test_report(runs, tmp_path):
    done = run(tmp_path, "report", runs / "sines", "--num-tasks", 5)
    (page,) = (runs / "sines").glob("*.html")
    assert done.code == 0 and str(page) in done.err and "<html" in page.read_text()


def test_a_learner_that_diverges_ends_with_1_and_one_line(tmp_path):
    done = run(
        tmp_path,
        "train",
        "maml",
        "--data",
        "sinusoid",
        "--steps",
        50,
        "--inner-lr",
        1e30,
        "--out",
        tmp_path / "out",
    )
    assert done.code == 1 and done.out == ""
    (line,) = [line for line in done.err.splitlines() if not line.startswith("Tasks are mapped")]
    assert line.startswith("stopped The ") and "of step 1 is not finite" in line


def test_a_run_starts_from_another(runs, tmp_path):
    options = (
        "--data sinusoid --steps 1 --lr 1e-12 --tasks-per-step 2 --validation-tasks 2 --start-from"
    )
    done = run(
        tmp_path, "train", "maml", *options.split(), runs / "sines", "--out", tmp_path / "run"
    )
    assert done.code == 0, done.err
    begun, after = qs.load(runs / "sines").state_dict(), qs.load(tmp_path / "run").state_dict()
    for name, value in begun.items():
        torch.testing.assert_close(after[name], value, rtol=0, atol=1e-9)


def test_training_on_fewer_classes_keeps_the_way(tmp_path):
    options = (
        "--data glyphs --train-way 2 --steps 1 --tasks-per-step 1 --channels 4 "
        "--validation-tasks 1 --out"
    )
    done = run(tmp_path, "train", "maml", *options.split(), tmp_path / "run")
    assert done.code == 0, done.err
    assert qs.load(tmp_path / "run").model.way == 5


def test_a_generator_learns_a_mixture(tmp_path):
    options = (
        "--data sinusoid --variant mixture --kind lowrank --layers features.3 --steps 2 "
        "--validation-tasks 2 --shot 4 --out"
    )
    done = run(tmp_path, "train", "generator", *options.split(), tmp_path / "run")
    assert done.code == 0, done.err
    learner = qs.load(tmp_path / "run")
    assert (type(learner), learner.kind, list(learner.layers)) == (
        qs.Generator,
        "lowrank",
        ["features.3"],
    )
    found = evaluation(tmp_path, tmp_path / "run", "--num-tasks", 3, "--baselines", "none")
    assert (found["source"]["source"], found["shot"], found["num_tasks"]) == ("mixture", 4, 3)
