"""A user's mistake ends with exit code 2, one line on standard error, and nothing else."""

import shutil
from pathlib import Path

import pytest

from tests.unit.cli.processes import run

SINES = "train maml --data sinusoid --steps 3 --out {new}"
MISTAKES = {
    "frobnicate": (
        "The command should be one of train, fit, relate, evaluate, compare, adapt, predict, "
        "export, report, list, doctor, demo. "
        "Found 'frobnicate'."
    ),
    "train frob": "The learner should be one of maml, ",
    "train maml --frob 3": (
        "Option --frob is unknown here. Perhaps you meant --frozen. See: quickstudy train maml"
    ),
    "train maml --data nothing": "Option --data should be one of glyphs, ",
    "list everything": "Argument 'everything' is not understood. See: quickstudy list --help",
    f"{SINES} --lr abc": (
        "Option --lr should be a number. Found 'abc'. See: quickstudy train maml --help"
    ),
    f"{SINES} --lr -1": "--lr should be positive. Found -1.0",
    f"{SINES} --hidden 0": "--hidden should be at least 1",
    f"{SINES} --threads 0": "--threads should be at least 1",
    f"{SINES} --threads 100000": "Option --threads should be at most 256. Found 100000",
    f"{SINES} --tasks-per-backward 0": "`tasks_per_backward` should be at least 1",
    f"{SINES} --inner-lr 0": "`inner_lr` should be positive",
    f"{SINES} --shot 0": "`shot` should be at least 1",
    f"{SINES} --balancer frob": "Option --balancer should be one of mean, random, ",
    f"{SINES} --balancer gradnorm": (
        "Option --balancer should be one of mean, random, pcgrad, cagrad, mgda, alignedmtl, "
        "upgrad. Found 'gradnorm'"
    ),
    f"{SINES} --balancer upgrad --tasks-per-backward 1": "needs all tasks of a step at once",
    f"{SINES} --device frob": "--device should name a device of this machine. Found 'frob'",
    f"{SINES} --device meta": "--device should name a device of this machine. Found 'meta'",
    f"{SINES} --model conv4": "Found conv4: it takes images [channel, height, width]",
    "train protonet --data sinusoid --out {new}": (
        "Option --data should give tasks that protonet serves. Found sinusoid: It classifies"
    ),
    "train maml --data omniglot --out {new}": (
        "Option --root is needed: the data folder. See: quickstudy train maml --help"
    ),
    "train maml --data omniglot --root {new} --out {new}": "There is no folder",
    "train protonet --way 5000 --out {new}": (
        "`way` should be at most the number of classes. Found way=5000"
    ),
    "train maml --data sinusoid --steps 3 --out {file}": (
        "`out` should be a folder that can be written to"
    ),
    "train maml --data sinusoid --steps 3 --out {file}/below": (
        "`out` should be a folder that can be written to"
    ),
    "train maml --data sinusoid --steps 30 --tasks-per-step 4 --out {sines}": (
        "holds a run already: pass resume=True (--resume)"
    ),
    "train maml --data sinusoid --out {sines} --resume --seed 4": "options it was begun with, ",
    "train fomaml --data sinusoid --out {sines} --resume": (
        "options it was begun with, learner maml. Found learner fomaml"
    ),
    "train maml --data sinusoid --out {sines} --steps 30 --tasks-per-step 4 "
    "--validation-tasks 10 --resume --inner-lr 0.5": (
        "options it was begun with, --inner-lr 0.01. Found --inner-lr 0.5"
    ),
    "evaluate": "Name a run: there is no runs/latest in this folder",
    "evaluate {new}": "Found no such folder",
    "evaluate {file}": "Found a file",
    "evaluate {empty}": "with a run.json. Found none",
    "evaluate {half}": "run.json should hold JSON. It is damaged",
    "evaluate {binary}": "run.json should hold JSON. It is damaged",
    "evaluate {list}": "should hold a JSON object. Found a list",
    "evaluate {poor}": "should hold the settings of training. It lacks way, shot",
    "evaluate {library}": "does not say what data it learned from",
    "evaluate {cut}": "should be a quickstudy checkpoint. It cannot be read",
    "evaluate {none}": "should hold a checkpoint. Found none",
    "evaluate {sines} --way 5": "Tasks of sinusoid have no option `way`. They have shot, query",
    "evaluate {sines} --num-tasks 0": "`num_tasks` should be at least 1",
    "evaluate {sines} --shot 0": "`shot` should be at least 1",
    "evaluate {sines} --query 0": "`query` should be at least 1",
    "evaluate {sines} --steps -1": "`steps` should be at least 0",
    "evaluate {sines} --device cuda:77": "--device should name a device of this machine",
    "evaluate {letters} --way 500": (
        "`way` should be at most the number of classes. Found way=500, 173 classes in 'glyphs/test'"
    ),
    "evaluate {sines} --within-group": "Tasks of sinusoid have no option `within_group`",
    "evaluate {sines} --root x": "Source sinusoid has no option `root`",
    "evaluate {sines} --data nothing": "Found 'nothing', which is neither a name nor a path",
    "evaluate {letters} --steps 2": "--steps is for learners with inner steps",
    "evaluate {letters} --baselines best": "--baselines should be one of none, quick, all",
    "evaluate {letters} --way 0": "`way` should be at least 1",
    "evaluate {letters} --statistics support": "--statistics is for gradient learners",
    "train maml --data glyphs --start-from {letters} --out {new}": (
        "--start-from should name a run of the same learner and network"
    ),
    "train mann --data glyphs --train-way 9 --out {new}": (
        "--train-way should be at most --way, 5. Found 9"
    ),
    "train maml --data glyphs --start-from {new}/x --out {new}": (
        "should be a run's folder or a checkpoint. Found neither"
    ),
    "compare {sines}": (
        "Argument B is needed: the second run's folder. See: quickstudy compare --help"
    ),
    "compare {sines} {letters}": "Both runs should have learned from the same data",
    "report {new}": "Found no such folder",
    "demo --steps 0": "--steps and --num-tasks should be at least 1",
}


@pytest.fixture(scope="module")
def places(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of runs, whole and damaged."""
    folder = tmp_path_factory.mktemp("damaged")
    texts = {
        "half": b'{"set',
        "binary": b"\xff\xfe\x00",
        "list": b"[]",
        "poor": b'{"settings": {"data": "sinusoid"}}',
        "library": b"{}",
    }
    for name in (*texts, "cut", "none"):
        shutil.copytree(runs / "sines", folder / name)
        if name in texts:
            (folder / name / "run.json").write_bytes(texts[name])
        for checkpoint in (folder / name).glob("*.safetensors"):
            if name == "cut":
                checkpoint.write_bytes(checkpoint.read_bytes()[:99])
            if name == "none":
                checkpoint.unlink()
    (folder / "empty").mkdir()
    (folder / "file").write_text("mine")
    names = (*texts, "cut", "none", "empty", "file", "new")
    return {name: folder / name for name in names} | {
        name: runs / name for name in ("sines", "letters")
    }


@pytest.mark.parametrize("command", MISTAKES)
def test_a_mistake_is_told_in_one_line(places, tmp_path, command, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the folder in which tests are started may hold runs
    before = (places["sines"] / "last.safetensors").read_bytes()
    done = run(tmp_path, *command.format(**places).split())
    assert "Traceback" not in done.err
    assert done.err.startswith("error ") and done.err.endswith("\n") and done.err.count("\n") == 1
    assert MISTAKES[command] in done.err and len(done.err) < 600
    assert (done.code, done.out) == (2, "")
    assert (places["sines"] / "last.safetensors").read_bytes() == before


def test_a_run_goes_on_where_the_options_are_the_same(runs, tmp_path):
    shutil.copytree(runs / "sines", tmp_path / "run")
    same = (
        "train maml --data sinusoid --steps 30 --tasks-per-step 4 --validation-tasks 10 --resume "
        "--out"
    )
    done = run(tmp_path, *same.split(), tmp_path / "run", "--checkpoint-seconds", 3)
    assert done.code == 0 and "at step 30" in done.err
