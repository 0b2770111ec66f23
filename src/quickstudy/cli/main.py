"""The program ``quickstudy`` and its commands."""

import logging
import os
import sys
from importlib import import_module

from quickstudy.cli.interrupt import CODE, loading
from quickstudy.errors import TrainingError, UserError

COMMANDS = {
    "train": ("train", "meta-train a learner on a family of tasks"),
    "fit": ("fit", "learn from a table with a task column, and compare the ways of sharing"),
    "relate": ("relate", "measure how related the tasks of a table are, and which belong together"),
    "evaluate": ("evaluate", "evaluate a run on new tasks, next to plain baselines"),
    "compare": ("compare", "compare two runs on the same tasks"),
    "adapt": ("adapt", "master a new task from a folder of images or a CSV file"),
    "predict": ("predict", "use a mastered task on new files"),
    "export": ("export", "write a mastered task's model for torch.export or ONNX"),
    "report": ("report", "write a run's report, an HTML page with pictures"),
    "list": ("listing", "list learners, sources and models"),
    "doctor": ("doctor", "check this machine and a data folder"),
    "demo": ("demo", "a few minutes on embedded data, from training to report"),
}
LATEST = ("evaluate", "report")
"""Commands that take the latest run if none is named."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command and give its exit code.

    That is 0; 1 if training broke off; 2 for a user's mistake; 130 after Ctrl-C.
    """
    given = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # a character that the terminal does not have is replaced
            stream.reconfigure(errors="replace")
    try:
        code = _run(given)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # the reader of a pipe had enough; nothing is left to be written at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (UserError, OSError) as error:
        _tell("error", error)
        return 2
    except TrainingError as error:
        _tell("stopped", error)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return CODE


def entry() -> int:
    """Run :func:`main` as the program, which Ctrl-C ends quietly at any moment."""
    try:
        return main()
    except KeyboardInterrupt:
        return CODE


def _run(given: list[str]) -> int:
    if not given or given[0] in ("-h", "--help", "help"):
        _usage()
        return 0 if given else 2
    if given[0] in ("--version", "version"):
        from importlib.metadata import version

        print(f"quickstudy {version('quickstudy')}")
        return 0
    if given[0] not in COMMANDS:
        raise UserError(f"The command should be one of {', '.join(COMMANDS)}. Found {given[0]!r}.")
    module, text = COMMANDS[given[0]]
    words = _checked(given[0], module, given[1:], text)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    from quickstudy.allocator import keep_freed_memory

    keep_freed_memory()
    with loading():
        # what it imports, others need not wait for
        program = import_module(f"quickstudy.cli.{module}")
    return int(program.main(words))


def _checked(command: str, module: str, words: list[str], text: str) -> list[str]:
    """Read the options once before torch is loaded, so that help and mistakes answer at once."""
    if command == "train":
        return words
    from quickstudy.cli.options import fields, values

    options = fields(f"quickstudy.cli.{module}:{command.capitalize()}Options")
    if command in LATEST and not _names_a_run(words):
        words = [str(_latest()), *words]
    values(options, words, command, f"{text[0].upper()}{text[1:]}.")
    return words


def _names_a_run(words: list[str]) -> bool:
    """Whether the first word is a run, or help is asked for."""
    return bool(words) and (not words[0].startswith("-") or "--help" in words or "-h" in words)


def _latest() -> os.PathLike[str]:
    from quickstudy.cli.folders import latest

    return latest()


def _tell(title: str, error: Exception) -> None:
    colours = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    shown = f"\x1b[1;31m{title}\x1b[0m" if colours else title
    print(f"{shown} {error}", file=sys.stderr)


def _usage() -> None:
    print("usage: quickstudy COMMAND [OPTIONS]\n")
    print("Learn to learn across many related tasks.\n\ncommands:")
    for name, (_, text) in COMMANDS.items():
        print(f"  {name:<10}{text}")
    print("\n`quickstudy COMMAND --help` says more. Try first: quickstudy demo")
