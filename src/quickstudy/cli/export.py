"""The command ``quickstudy export``."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch

from quickstudy.cli.console import say
from quickstudy.cli.options import Positional, parse
from quickstudy.cli.task_files import Task
from quickstudy.training import export, load_adapted

PURPOSE = "Write a mastered task's model as a plain function from inputs to scores."
ONNX = "import onnxruntime; onnxruntime.InferenceSession({!r}).run(None, {{'x': x}})"
TORCH = "import torch; torch.export.load({!r}).module()(x)"


@dataclass(frozen=True)
class ExportOptions:
    """Options of the command export."""

    task: Annotated[Path, Positional]
    """The file that adapt wrote."""
    out: Path = Path("model.pt2")
    """The model's file: .pt2 for torch.export, .onnx for ONNX."""


def main(arguments: Sequence[str]) -> int:
    """Write a mastered task's model as a plain function of its inputs."""
    asked = parse(ExportOptions, arguments, "export", PURPOSE)
    learner, adapted = load_adapted(asked.task)
    task = Task.of(asked.task)
    x = torch.zeros(1, 2, *task.example)
    export(asked.out, learner, adapted, x, task.class_names, task.to_dict())
    say(f"Written to {asked.out}. For x {_input_in_words(task)}:\n  {_use(asked.out)}")
    return 0


def _input_in_words(task: Task) -> str:
    """Give the axes of the input, and the ink of images.

    Example:
        >>> _input_in_words(Task(("a", "b"), True, columns=("width", "height")))
        '[example, 2]'
    """
    shape = ", ".join(map(str, ("example", *task.example)))
    return f"[{shape}]" if task.ink is None else f"[{shape}], ink 1 on 0"


def _use(out: Path) -> str:
    """Write the line of Python that computes with the model."""
    how = ONNX if out.suffix == ".onnx" else TORCH
    return how.format(str(out))
