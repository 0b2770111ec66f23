"""``quickstudy doctor``."""

import os
import platform
import sys
from collections.abc import Sequence
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
    """Options of ``quickstudy doctor``."""

    root: Path | None = None
    """A data folder to check (omniglot)."""


def main(arguments: Sequence[str]) -> int:
    """Print what this machine has and every fault of a data folder.

    The exit code is 2 if there is a fault.
    """
    asked = parse(DoctorOptions, arguments, "doctor", "Check this machine and a data folder.")
    print(f"python      {platform.python_version()} on {platform.platform()}")
    for name in PACKAGES:
        try:
            print(f"{name:<12}{version(name)}")
        except PackageNotFoundError:
            print(f"{name:<12}not installed")
    free = available_bytes(torch.device("cpu"))
    print(f"cores       {os.cpu_count()}, torch uses {torch.get_num_threads()} threads")
    print(f"memory      {'unknown' if free is None else f'{free / 2**30:.1f} GiB free'}")
    print(f"accelerator {_accelerator()}")
    print(f"allocator   {'keeps freed memory' if keep_freed_memory() else 'as the system has it'}")
    print(f"cache       {_cache()}")
    problems = [] if asked.root is None else check(asked.root)
    for problem in problems:
        print(f"problem     {problem}", file=sys.stderr)
    if asked.root is not None and not problems:
        print(f"data        {asked.root}: all is well")
    return 2 if problems else 0


def _accelerator() -> str:
    """Name the accelerator that torch uses."""
    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    return "none that torch can use"


def _cache() -> str:
    """Name the folder of cached files, and whether it cannot be written to."""
    folder = cache_folder()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if os.access(existing, os.W_OK):
        return str(folder)
    return f"{folder} (cannot be written: set QUICKSTUDY_CACHE)"
