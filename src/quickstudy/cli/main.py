"""The program ``quickstudy`` and its commands."""

import logging
import sys
from importlib import import_module

from rich.console import Console
from rich.markup import escape

from quickstudy.allocator import keep_freed_memory
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


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code: 0; 1 where training broke off; 2 for a user's mistake; 130 after Ctrl-C."""
    given = sys.argv[1:] if arguments is None else arguments
    console = Console(stderr=True)
    if not given or given[0] in ("-h", "--help", "help"):
        _usage()
        return 0 if given else 2
    if given[0] in ("--version", "version"):
        from importlib.metadata import version

        print(f"quickstudy {version('quickstudy')}")
        return 0
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    keep_freed_memory()
    try:
        if given[0] not in COMMANDS:
            raise UserError(
                f"The command should be one of {', '.join(COMMANDS)}. Found {given[0]!r}."
            )
        # what it imports, others need not wait for
        command = import_module(f"quickstudy.cli.{COMMANDS[given[0]][0]}")
        return int(command.main(given[1:]))
    except (UserError, OSError) as error:
        console.print(f"[bold red]error[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        return 2
    except TrainingError as error:
        console.print(f"[bold red]stopped[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("interrupted", highlight=False)
        return 130


def _usage() -> None:
    print(
        "usage: quickstudy COMMAND [OPTIONS]\n\nLearn to learn across many related "
        "tasks.\n\ncommands:"
    )
    for name, (_, text) in COMMANDS.items():
        print(f"  {name:<10}{text}")
    print("\n`quickstudy COMMAND --help` says more. Try first: quickstudy demo")
