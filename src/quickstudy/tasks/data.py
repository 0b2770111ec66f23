"""Where the training, validation and test tasks of a run come from: one face for all data."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from quickstudy.describe import recorded
from quickstudy.errors import require
from quickstudy.random import generator
from quickstudy.tasks.source import TaskSource

SPLITS = ("train", "validation", "test")
Fractions = tuple[float, float, float]


class Pool(Protocol):
    """One split of some data: its method ``episodes`` makes a source of tasks."""

    @property
    def episodes(self) -> Callable[..., TaskSource]:
        """Make tasks; its parameters are the options of a task: way, shot, query, ..."""
        ...


class Data(ABC):
    """Data that tasks are drawn from, in splits: ``data.split("train").episodes(shot=5)``.

    The parameters of a subclass's constructor are its options on the command line. Each is kept as
    an attribute of the same name, so that a run can tell the data it learned from and open it
    again.

    Attributes:
        splits: The splits it has.
        evaluation_query: Query examples of an evaluation, if no number is asked for.
        validation_query: The same of a validation.
    """

    evaluation_query: ClassVar[int] = 15
    validation_query: ClassVar[int] = 5

    def __init_subclass__(cls, **more: Any) -> None:
        """Record the calls of ``split`` and ``episodes``: what they give can be described."""
        super().__init_subclass__(**more)
        for name in ("split", "episodes"):
            method = vars(cls).get(name)
            if method is not None and not getattr(method, "recorded", False):
                setattr(cls, name, recorded(method))

    @property
    def split_names(self) -> tuple[str, ...]:
        """The splits it has, of train, validation and test."""
        return SPLITS

    @abstractmethod
    def split(self, name: str) -> Pool:
        """Give one split: ``"train"``, ``"validation"`` or ``"test"``.

        Raises:
            UserError: If there is no such split.
        """

    def notes(self) -> list[str]:
        """Say in a few sentences what was found and how it is divided."""
        return []

    def everything(self) -> Pool:
        """Give all that can be new to a learner of other data; by default the test split."""
        return self.split("test")

    def options(self) -> tuple[str, ...]:
        """Name the options of its tasks: way, shot, query, ..."""
        return tuple(inspect.signature(self.split(self.split_names[0]).episodes).parameters)

    def tasks(self, split: str, **options: Any) -> TaskSource:
        """Make the tasks of one split; options that are None are left to their defaults.

        Args:
            split: A split, or ``"all"``.
            options: Arguments of the pool's ``episodes``.

        Raises:
            UserError: If these tasks do not have an option.
        """
        pool = self._chosen(split)
        return pool.episodes(**_known(pool, options, source_name(type(self))))

    def evaluation(self, split: str = "test", **options: Any) -> TaskSource:
        """Make tasks to evaluate on, of as many queries as there are, 15 at most (functions: 100)."""
        return self._judging(split, self.evaluation_query, options)

    def validation(self, **options: Any) -> TaskSource | None:
        """Make tasks to validate on, of at most 20 ways and 5 shots; None without such a split."""
        if "validation" not in self.split_names:
            return None
        pool = self.split("validation")
        most = {"way": min(20, getattr(pool, "num_classes", 20)), "shot": 5}
        given = {name: value for name, value in options.items() if value is not None}
        small = {name: min(value, most.get(name, value)) for name, value in given.items()}
        return self._judging("validation", self.validation_query, small)

    def _chosen(self, split: str) -> Pool:
        return self.everything() if split == "all" else self.split(split)

    def _judging(self, split: str, query: int, options: dict[str, Any]) -> TaskSource:
        given = {name: value for name, value in options.items() if value is not None}
        if "query" not in given:
            left = _left(self._chosen(split), given.get("shot", 1))
            given["query"] = query if left is None else max(1, min(query, left))
        return self.tasks(split, **given)


def _left(pool: Pool, shot: Any) -> int | None:
    """How many examples every class of ``pool`` has beside ``shot``; None if that is no limit."""
    size = getattr(pool, "size", None)
    if not isinstance(size, Tensor) or not isinstance(shot, int):
        return None
    return int(size.min()) - shot


def parameters(cls: type) -> dict[str, inspect.Parameter]:
    """Give the parameters of a constructor by name."""
    found = inspect.signature(cls).parameters
    return dict(found)


def source_name(cls: type) -> str:
    """Give the name of a class of data: of the registry, or its import path."""
    from quickstudy.tasks.registry import SOURCES

    names = {place: name for name, place in SOURCES.places.items()}
    place = f"{cls.__module__}:{cls.__qualname__}"
    return names.get(place, place)


def check_split(name: str, splits: Sequence[str]) -> None:
    """Raise if there is no split ``name``.

    Raises:
        UserError: If there is none.
    """
    known = ", ".join(map(repr, splits))
    require(name in splits, f"Parameter `split` should be one of {known}. Found {name!r}.")


def divide(count: int, fractions: Fractions, seed: int) -> dict[str, Tensor]:
    """Divide ``0 … count-1`` at random into the three splits, each part ascending."""
    order = torch.randperm(count, generator=generator(seed, "split"))
    first, second = round(fractions[0] * count), round((fractions[0] + fractions[1]) * count)
    parts = zip(SPLITS, order.tensor_split([first, second]), strict=True)
    return {name: part.sort().values for name, part in parts}


def check_fractions(fractions: Fractions) -> None:
    """Raise if ``fractions`` are not three parts of a whole.

    Raises:
        UserError: If they are not.
    """
    good = len(fractions) == 3 and abs(sum(fractions) - 1) < 1e-9 and min(fractions) >= 0
    message = "Parameter `fractions` should be three numbers that sum to 1."
    require(good, f"{message} Found {fractions}.")


def _known(pool: Pool, options: dict[str, Any], name: str) -> dict[str, Any]:
    """The options that were given, if ``pool`` knows them."""
    given = {key: value for key, value in options.items() if value is not None}
    known = inspect.signature(pool.episodes).parameters
    unknown = [key for key, value in given.items() if key not in known and value is not False]
    require(
        not unknown,
        f"Tasks of {name} have no option {', '.join(f'`{key}`' for key in unknown)}. "
        f"They have {', '.join(known)}.",
    )
    return {key: value for key, value in given.items() if key in known}


__all__ = ["SPLITS", "Data", "Fractions", "Pool", "check_split", "divide"]
