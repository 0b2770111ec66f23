"""A minute of training on real Omniglot is worth it: a ProtoNet leaves nearest neighbour on pixels
behind."""

import json

import quickstudy as qs
from quickstudy.training.baselines import NearestNeighbour
from tests.unit.cli.processes import run

OPTIONS = (
    "--data",
    "omniglot",
    "--channels",
    16,
    "--way",
    20,
    "--query",
    5,
    "--steps",
    30,
    "--lr",
    3e-3,
    "--validation-tasks",
    5,
)


def test_protonet_beats_nearest_neighbour_on_characters_never_seen(omniglot_root, tmp_path):
    trained = run(
        tmp_path / "train",
        "train",
        "protonet",
        *OPTIONS,
        "--root",
        omniglot_root,
        "--out",
        tmp_path / "run",
    )
    assert trained.code == 0, trained.err
    asked = ("--way", 5, "--shot", 1, "--num-tasks", 100, "--baselines", "none", "--json")
    found = json.loads(run(tmp_path / "evaluate", "evaluate", tmp_path / "run", *asked).out)
    test = qs.tasks.Omniglot(omniglot_root).split("test").episodes(way=5, shot=1, query=15)
    assert test.describe() == found["source"]
    plain = qs.evaluate(NearestNeighbour(), test, 100, baselines=False)
    assert found["mean"] - found["ci95"] > plain.mean + plain.ci95 + 0.05
