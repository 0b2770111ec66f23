"""Writes and reads a run's ``run.json``, for people and for ``evaluate``."""

import json
import platform
from pathlib import Path
from typing import Any

import torch

from quickstudy.cache import write_atomically
from quickstudy.describe import UndescribableError, describe
from quickstudy.errors import UserError, require
from quickstudy.learners import Learner
from quickstudy.tasks import TaskSource
from quickstudy.training.checkpoint import description_of
from quickstudy.training.plan import Plan
from quickstudy.training.run import Run


def write_details(folder: Path, run: Run, record: dict[str, object]) -> None:
    """Write the description of ``run``, and the plain values of ``record``, into its ``folder``."""
    details = {
        **_learned(run.learner, run.source),
        **_amount(run.plan),
        **_computed(run.learner),
        **_stepped(run),
        **record,
    }
    write_atomically(folder / "run.json", json.dumps(details, indent=1).encode())


def _learned(learner: Learner, source: TaskSource) -> dict[str, object]:
    """Describe the learner and the tasks."""
    return {
        "learner": description_of(learner),
        "source": source.describe(),
        "tasks": _described(source),
    }


def _amount(plan: Plan) -> dict[str, object]:
    """Give the number of steps, the tasks of each, and the seed."""
    return {name: getattr(plan, name) for name in ("steps", "tasks_per_step", "seed")}


def _computed(learner: Learner) -> dict[str, object]:
    """Say how the losses are computed, and by which software."""
    mappings = getattr(learner, "_mappings", {}).values()
    return {
        "transductive": learner.transductive,
        "mapping": [one.__dict__ for one in mappings],
        "threads": torch.get_num_threads(),
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
    }


def _stepped(run: Run) -> dict[str, object]:
    """Describe how the losses become a step."""
    scheduler, balancer = run.scheduler, run.balancer
    return {
        "optimizer": type(run.optimizer).__name__,
        "scheduler": None if scheduler is None else type(scheduler).__name__,
        "balancer": getattr(balancer, "__name__", type(balancer).__name__),
    }


def _described(source: TaskSource) -> object:
    """Describe a source in plain values; None if it holds data itself."""
    try:
        return describe(source)
    except UndescribableError:
        return None


def read_details(folder: Path) -> dict[str, Any]:
    """Read the ``run.json`` of a run's folder.

    Raises:
        UserError: If there is no such file, or it is damaged.
    """
    found = "a file" if folder.exists() else "no such folder"
    require(folder.is_dir(), f"{folder} should be a run's folder. Found {found}.")
    path = folder / "run.json"
    details = _parsed(path)
    kind = type(details).__name__
    require(isinstance(details, dict), f"{path} should hold a JSON object. Found a {kind}.")
    result: dict[str, Any] = details
    return result


def _parsed(path: Path) -> Any:
    """Parse the JSON at ``path``."""
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{path.parent} should be a run's folder with a run.json. Found none: train with --out "
            f"{path.parent} first."
        ) from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} should hold JSON. It is damaged: {error}.") from None


__all__ = ["read_details", "write_details"]
