"""The program ``quickstudy`` and its commands."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

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
"""Commands that take the latest run if no run is named."""
OUT_OF_MEMORY = (
    "The memory of this machine does not suffice: take fewer tasks or examples at a time, or a "
    "smaller network."
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and give its exit code.

    That is 0; 1 if training broke off or memory ran out; 2 for a user's mistake; 130 after Ctrl-C.
    """
    _replace_unknown_characters()
    try:
        code = _run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        return _leave_pipe()
    except (UserError, OSError) as error:
        return _told("error", error, 2)
    except TrainingError as error:
        return _told("stopped", error, 1)
    except (MemoryError, RuntimeError) as error:
        if not _memory_ran_out(error):
            raise
        return _told("stopped", OUT_OF_MEMORY, 1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return CODE


def entry() -> int:
    """Run the program; Ctrl-C ends it quietly at any moment."""
    try:
        return main()
    except KeyboardInterrupt:
        return CODE


def _replace_unknown_characters() -> None:
    """Replace characters that the terminal cannot show."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _leave_pipe() -> int:
    """Write nothing at exit: the reader has closed the pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _run(given: list[str]) -> int:
    """Run the command that the first word names."""
    if not given or given[0] in ("-h", "--help", "help"):
        print(_usage())
        return 0 if given else 2
    command, *words = given
    if command in ("--version", "version"):
        print(_version())
        return 0
    if command not in COMMANDS:
        raise UserError(f"The command should be one of {', '.join(COMMANDS)}. Found {command!r}.")
    _find_own_modules()
    return _start(command, _checked(command, words))


def _find_own_modules() -> None:
    """Allow imports of the user's modules from the current folder."""
    here = os.getcwd()
    if here not in sys.path:
        sys.path.append(here)


def _start(command: str, words: list[str]) -> int:
    """Load the program of a command and run it."""
    _show_messages()
    _keep_freed_memory()
    return int(_program(command).main(words))


def _program(command: str) -> ModuleType:
    """Load only the module of a command, so that other commands do not wait for it."""
    module, _ = COMMANDS[command]
    with loading():
        return import_module(f"quickstudy.cli.{module}")


def _keep_freed_memory() -> None:
    from quickstudy.allocator import keep_freed_memory

    keep_freed_memory()


def _show_messages() -> None:
    """Show the messages of the library, on standard error."""
    import logging

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)


def _checked(command: str, words: list[str]) -> list[str]:
    """Read the options once before torch is loaded, so that help and mistakes answer at once."""
    if command == "train":
        return words
    whole = _with_run(command, words)
    _read_options(command, whole)
    return whole


def _with_run(command: str, words: list[str]) -> list[str]:
    """Name the latest run, if the command takes it and no run is named."""
    if command in LATEST and not _names_a_run(words):
        return [str(_latest()), *words]
    return words


def _read_options(command: str, words: list[str]) -> None:
    from quickstudy.cli.options import fields, values

    module, text = COMMANDS[command]
    options = fields(f"quickstudy.cli.{module}:{command.capitalize()}Options")
    values(options, words, command, f"{text[0].upper()}{text[1:]}.")


def _names_a_run(words: Sequence[str]) -> bool:
    """Say whether the first word is a run, or help is asked for."""
    return bool(words) and (not words[0].startswith("-") or "--help" in words or "-h" in words)


def _latest() -> os.PathLike[str]:
    from quickstudy.cli.folders import latest

    return latest()


def _memory_ran_out(error: Exception) -> bool:
    """Say whether an allocation failed; on a CPU torch raises a plain RuntimeError."""
    text = str(error)
    failed = "can't allocate memory" in text or "out of memory" in text
    return isinstance(error, MemoryError) or failed


def _told(title: str, error: Exception | str, code: int) -> int:
    """Print an error in one line, and give the exit code."""
    shown = f"\x1b[1;31m{title}\x1b[0m" if _has_colours() else title
    print(f"{shown} {error}", file=sys.stderr)
    return code


def _has_colours() -> bool:
    return sys.stderr.isatty() and "NO_COLOR" not in os.environ


def _version() -> str:
    from importlib.metadata import version

    return f"quickstudy {version('quickstudy')}"


def _usage() -> str:
    """List the commands."""
    commands = "\n".join(f"  {name:<10}{text}" for name, (_, text) in COMMANDS.items())
    return (
        "usage: quickstudy COMMAND [OPTIONS]\n\n"
        f"Learn to learn across many related tasks.\n\ncommands:\n{commands}\n\n"
        "`quickstudy COMMAND --help` says more. Try first: quickstudy demo"
    )
