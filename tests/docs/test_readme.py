"""Every block of the README is run, in order: what it shows is what happens."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
README = REPOSITORY / "README.md"
SHELLS = ("bash", "console", "sh", "shell")
FENCE = re.compile(r"^```(\w*)")
NOT_RUN = re.compile(r"^<!-- not run: \S.* -->$")
TIMEOUT_SECONDS = 900


class Block(NamedTuple):
    language: str
    line: int  # of the first line of the code
    code: str
    skipped: bool


def blocks(text: str) -> list[Block]:
    """The Python and shell blocks of a Markdown text."""
    found: list[Block] = []
    lines = text.splitlines()
    start, language, last, skipped = 0, None, "", False
    for number, line in enumerate(lines, 1):
        fence = FENCE.match(line)
        if fence and language is None:
            language, start, skipped = fence[1], number + 1, bool(NOT_RUN.match(last))
        elif line.rstrip() == "```":
            if language in ("python", *SHELLS):
                found.append(
                    Block(str(language), start, "\n".join(lines[start - 1 : number - 1]), skipped)
                )
            language = None
        if line.strip():
            last = line.strip()
    assert language is None, f"the block at line {start} is not closed"
    return found


def commands(code: str) -> list[list[str]]:
    """The commands of a shell block, without what they print and without comments."""
    lines = code.replace("\\\n", " ").splitlines()
    if any(line.startswith("$ ") for line in lines):
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    return [
        words
        for line in lines
        for part in line.split(" && ")
        if (words := shlex.split(part, comments=True))
    ]


def targets(makefile: str) -> set[str]:
    return set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


def run_command(words: list[str]) -> None:
    """Run ``quickstudy``; check that what the other commands name is there."""
    match words:
        case ["quickstudy", *arguments]:
            call = [sys.executable, "-m", "quickstudy", *arguments]
            done = subprocess.run(
                call, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, env=os.environ
            )
            assert done.returncode == 0, (
                f"{shlex.join(words)} exited with {done.returncode}\n{done.stdout}\n{done.stderr}"
            )
        case ["make", *arguments]:
            unknown = {word for word in arguments if "=" not in word} - targets(
                (REPOSITORY / "Makefile").read_text()
            )
            assert not unknown, f"the Makefile has no {unknown}"
        case ["python", script, *_] if script.endswith(".py"):
            assert (REPOSITORY / script).is_file(), f"there is no {script}"
        case ["pip" | "cd" | "source", *_] | ["git", "clone", *_] | ["python", "-m", "pip", *_]:
            pass
        case _:
            pytest.fail(
                f"not known how to check `{shlex.join(words)}`; put `<!-- not run: reason "
                "-->` above its block"
            )


BLOCKS = blocks(README.read_text("utf-8")) if README.is_file() else []


@pytest.fixture(scope="module")
def namespace() -> dict[str, Any]:
    return {"__name__": "readme"}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme")


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"line {block.line}")
def test_block(
    block: Block, namespace: dict[str, Any], directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if block.skipped:
        return  # its reason stands in the README
    monkeypatch.chdir(directory)
    if block.language == "python":
        exec(compile("\n" * (block.line - 1) + block.code, str(README), "exec"), namespace)
    else:
        for words in commands(block.code):
            run_command(words)


def test_there_are_blocks() -> None:
    languages = {block.language for block in BLOCKS if not block.skipped}
    assert "python" in languages
    assert languages & set(SHELLS)


def test_blocks_are_found() -> None:
    text = (
        "a\n```python\nx = 1\n```\n"
        "<!-- not run: no such data -->\n\n```bash\nmake demo\n```\n"
        "```text\nno\n```\n"
        "<!-- not run: -->\n```console\n```\n"
    )
    assert blocks(text) == [
        Block("python", 3, "x = 1", False),
        Block("bash", 8, "make demo", True),
        Block("console", 15, "", False),
    ]


def test_commands_are_found() -> None:
    assert commands("# first\nquickstudy list  # all\nquickstudy train maml \\\n  --way 5") == [
        ["quickstudy", "list"],
        ["quickstudy", "train", "maml", "--way", "5"],
    ]
    assert commands("$ quickstudy list\nmaml  5 steps\n$ make demo") == [
        ["quickstudy", "list"],
        ["make", "demo"],
    ]


def test_an_unknown_target_and_an_unknown_command_are_failures() -> None:
    run_command(["make", "demo", "PYTHON=python3.12"])
    with pytest.raises(AssertionError, match="the Makefile has no"):
        run_command(["make", "coffee"])
    with pytest.raises(pytest.fail.Exception, match="not known"):
        run_command(["curl", "example.org"])
