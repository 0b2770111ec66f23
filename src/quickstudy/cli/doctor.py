"""The command ``quickstudy doctor``."""

import os
import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from quickstudy.allocator import keep_freed_memory
from quickstudy.cache import cache_folder
from quickstudy.cli.options import parse
from quickstudy.tasks.omniglot_official import check
from quickstudy.training.memory import available_bytes

PACKAGES = (
    "quickstudy",
    "torch",
    "numpy",
    "pillow",
    "matplotlib",
    "safetensors",
    "rich",
    "tensorboard",
)


@dataclass(frozen=True)
class DoctorOptions:
    """Options of the command doctor."""

    root: Path | None = None
    """A data folder to check (omniglot)."""


def main(arguments: Sequence[str]) -> int:
    """Print what this machine has and every fault of a data folder.

    The exit code is 2 if there is a fault.
    """
    asked = parse(DoctorOptions, arguments, "doctor", "Check this machine and a data folder.")
    _print_lines(_software())
    _print_lines(_machine())
    return _check_data(asked.root)


def _print_lines(pairs: Iterator[tuple[str, str]]) -> None:
    for name, value in pairs:
        print(f"{name:<12}{value}")


def _check_data(root: Path | None) -> int:
    """Print every fault of a data folder, if one is named, and give the exit code."""
    if root is None:
        return 0
    problems = check(root)
    for problem in problems:
        print(f"problem     {problem}", file=sys.stderr)
    if problems:
        return 2
    print(f"data        {root}: all is well")
    return 0


def _software() -> Iterator[tuple[str, str]]:
    """Tell the versions of Python and of the packages."""
    yield "python", f"{platform.python_version()} on {platform.platform()}"
    for name in PACKAGES:
        yield name, _version(name)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _machine() -> Iterator[tuple[str, str]]:
    """Describe the machine's devices."""
    yield "cores", f"{os.cpu_count()}, torch uses {torch.get_num_threads()} threads"
    yield "memory", _free_memory()
    yield "accelerator", _accelerator()
    yield "allocator", "keeps freed memory" if keep_freed_memory() else "as the system has it"
    yield "cache", _cache()


def _free_memory() -> str:
    free = available_bytes(torch.device("cpu"))
    return "unknown" if free is None else f"{free / 2**30:.1f} GiB free"


def _accelerator() -> str:
    """Name the accelerator that torch uses."""
    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    return "none that torch can use"


def _cache() -> str:
    """Name the folder of cached files, and whether it cannot be written to."""
    folder = cache_folder()
    writable = os.access(_existing(folder), os.W_OK)
    return str(folder) if writable else f"{folder} (cannot be written: set QUICKSTUDY_CACHE)"


def _existing(folder: Path) -> Path:
    """Give the folder itself, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())
