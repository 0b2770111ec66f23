"""Two tiny runs, trained once by the command line."""

from pathlib import Path

import pytest

from tests.unit.cli.processes import run

SINES = (
    "train",
    "maml",
    "--data",
    "sinusoid",
    "--steps",
    30,
    "--tasks-per-step",
    4,
    "--validation-tasks",
    10,
)
LETTERS = (
    "train",
    "protonet",
    "--data",
    "glyphs",
    "--steps",
    5,
    "--channels",
    8,
    "--way",
    5,
    "--validation-tasks",
    10,
)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs `sines` and `letters`."""
    folder = tmp_path_factory.mktemp("runs")
    for name, command in (("sines", SINES), ("letters", LETTERS)):
        done = run(folder / "printed" / name, *command, "--out", folder / name)
        assert done.code == 0, done.err
        assert done.out == "" and f"quickstudy evaluate {folder / name}" in done.err
    return folder
