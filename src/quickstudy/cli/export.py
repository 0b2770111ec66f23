"""``quickstudy export``."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
from rich.console import Console

from quickstudy.cli.options import Positional, parse
from quickstudy.cli.task_files import Task
from quickstudy.training import export, load_adapted


@dataclass(frozen=True)
class ExportOptions:
    """Options of ``quickstudy export``."""

    task: Annotated[Path, Positional]
    """The file that adapt wrote."""
    out: Path = Path("model.pt2")
    """The model's file: .pt2 for torch.export, .onnx for ONNX."""


def main(arguments: Sequence[str]) -> int:
    """Write a mastered task's model as a plain function of its inputs."""
    asked = parse(
        ExportOptions,
        arguments,
        "export",
        "Write a mastered task's model as a plain function from inputs to scores.",
    )
    learner, adapted = load_adapted(asked.task)
    task = Task.of(asked.task)
    classes = task.outputs if task.classifies else None
    export(asked.out, learner, adapted, torch.zeros(1, 2, *task.example), classes, task.to_dict())
    how = (
        "import onnxruntime; onnxruntime.InferenceSession({!r}).run(None, {{'x': x}})"
        if asked.out.suffix == ".onnx"
        else "import torch; torch.export.load({!r}).module()(x)"
    )
    shape = ", ".join(map(str, ("example", *task.example)))
    ink = ", ink 1 on 0" if task.form is not None and task.form.ink is not None else ""
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    console.print(f"Written to {asked.out}. For x [{shape}]{ink}:\n  {how.format(str(asked.out))}")
    return 0
