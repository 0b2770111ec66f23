"""From options to pools and tasks."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from quickstudy.cli.options import Tasks
from quickstudy.errors import UserError, require
from quickstudy.tasks import (
    Classes,
    Glyphs,
    Omniglot,
    Sinusoid,
    SinusoidMetaSGD,
    SinusoidsAndLines,
    TaskSource,
)

Pools = Glyphs | Omniglot
Settings = dict[str, Any]
"""The options of a training run by name, as recorded in ``run.json``."""


@lru_cache(maxsize=2)
def _omniglot(
    root: Path, cache: Path | None, split_by: str, rotations: str, validation_alphabets: int
) -> Omniglot:
    return Omniglot(
        root,
        cache=cache,
        split_by=split_by,  # type: ignore[arg-type]
        rotations=rotations,  # type: ignore[arg-type]
        validation_alphabets=validation_alphabets,
    )


@lru_cache(maxsize=2)
def _glyphs(cache: Path | None, rotations: str) -> Glyphs:
    return Glyphs(cache=cache, rotations=rotations)  # type: ignore[arg-type]


def pool(settings: Settings, split: str, root: Path | None = None) -> Classes:
    """The classes of one split of the run's data."""
    cache = None if settings["cache"] is None else Path(settings["cache"])
    if settings["data"] == "glyphs":
        return _glyphs(cache, settings["rotations"]).split(split)
    folder = root or settings["root"]
    require(
        folder is not None,
        "Option --root is needed: the folder that holds images_background.zip and "
        "images_evaluation.zip.",
    )
    source = _omniglot(
        Path(folder),
        cache,
        settings["split_by"],
        settings["rotations"],
        settings["validation_alphabets"],
    )
    return source.split(split)


def _functions(variant: str, shot: int, query: int) -> TaskSource:
    """Sinusoids of the ``variant``, or MAML's mixed with straight lines."""
    families: dict[str, Any] = {"maml": Sinusoid, "metasgd": SinusoidMetaSGD, "mixture": SinusoidsAndLines}
    return families[variant]().episodes(shot, query)


def has_validation(settings: Settings) -> bool:
    """Whether the run keeps classes for validation."""
    return not (
        settings["data"] == "omniglot"
        and settings["split_by"] == "alphabets"
        and settings["validation_alphabets"] == 0
    )


def training_tasks(settings: Settings) -> TaskSource:
    """What the run trains on."""
    if settings["data"] == "sinusoid":
        return _functions(settings["variant"], settings["shot"], settings["query"])
    classes = pool(settings, "train")
    if settings["learner"] == "finetune":
        return classes.supervised(settings["tasks_per_step"])
    way = settings["way"] if settings["train_way"] is None else settings["train_way"]
    require(
        way <= settings["way"],
        f"Option --train-way should be at most --way, {settings['way']}. Found {way}.",
    )
    return classes.episodes(way, settings["shot"], settings["query"])


def validation_tasks(settings: Settings) -> TaskSource | None:
    """What the run validates on: tasks as in training, of at most 20 ways, 5 queries a class."""
    if settings["data"] == "sinusoid":
        return _functions(settings["variant"], min(settings["shot"], 5), 100)
    if not has_validation(settings):
        return None
    return pool(settings, "validation").episodes(
        min(settings["way"], 20), min(settings["shot"], 5), 5
    )


def evaluation_tasks(settings: Settings, asked: Tasks) -> TaskSource:
    """What a run is evaluated on: the asked for, else as in training."""
    shot = settings["shot"] if asked.shot is None else asked.shot
    if settings["data"] == "sinusoid":
        require(
            asked.way is None, "Option --way is for classification. This run learned sinusoids."
        )
        return _functions(settings["variant"], shot, 100 if asked.query is None else asked.query)
    classes = pool(settings, asked.split, asked.root)
    way = settings["way"] if asked.way is None else asked.way
    return classes.episodes(
        way, shot, 15 if asked.query is None else asked.query, within_group=asked.within_group
    )


def device(name: str) -> torch.device:
    """The device called ``name``.

    Raises:
        UserError: If there is none.
    """
    try:
        found = torch.device(name)
        torch.zeros(1, device=found).item()
    except (RuntimeError, AssertionError) as error:
        raise UserError(
            f"Option --device should name a device of this machine. Found {name!r}: "
            f"{str(error).splitlines()[0]}"
        ) from None
    return found


def use_threads(threads: int | None) -> None:
    """Let torch compute with so many ``threads``, where a number is given."""
    if threads is not None:
        require(threads >= 1, f"Option --threads should be at least 1. Found {threads}.")
        torch.set_num_threads(threads)
