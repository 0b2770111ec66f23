"""`quickstudy` as processes of their own, forked from one server that has imported torch once."""

import json
import multiprocessing
import os
import sys
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["quickstudy.cli.making", "quickstudy.cli.evaluate"])


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Started:
    """A command that runs."""

    process: ForkServerProcess
    folder: Path

    def wait(self) -> Done:
        self.process.join(120)
        assert self.process.exitcode is not None, "the command hangs"
        return Done(
            self.process.exitcode,
            (self.folder / "stdout").read_text(),
            (self.folder / "stderr").read_text(),
        )


def start(folder: Path, *arguments: object) -> Started:
    """Start ``quickstudy arguments``; what it prints goes to files in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    process = CONTEXT.Process(
        target=_main, args=(folder, [str(argument) for argument in arguments])
    )
    process.start()
    return Started(process, folder)


def run(folder: Path, *arguments: object) -> Done:
    """Run ``quickstudy arguments`` to its end."""
    return start(folder, *arguments).wait()


def evaluation(folder: Path, *arguments: object) -> dict[str, Any]:
    """Run ``quickstudy evaluate`` and give its one JSON object, without infinities."""
    done = run(folder, "evaluate", *arguments, "--json")
    assert done.code == 0, done.err
    assert done.out.count("\n") == 1
    found: dict[str, Any] = json.loads(done.out, parse_constant=_refuse)
    return found


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def _main(folder: Path, arguments: list[str]) -> None:
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, descriptor)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
    sys.argv = ["quickstudy", *arguments]
    from quickstudy.cli import main

    sys.exit(main())
