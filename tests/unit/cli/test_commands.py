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
from tests.unit.cli.processes import evaluation, run


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
