"""One interface for all data: the training, validation and test tasks of a run."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
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
    """One split of some data: its method episodes makes a source of tasks."""

    @property
    def episodes(self) -> Callable[..., TaskSource]:
        """Make tasks; its parameters are the options of a task: way, shot, query, ..."""
        ...


class Data(ABC):
    """Data that tasks are drawn from, in splits.

    ``data.split("train").episodes(shot=5)`` gives the training tasks.

    The parameters of a subclass's constructor are its options on the command line. Each is kept as
    an attribute of the same name, so that a run can describe its data and open it again.

    Attributes:
        splits: The splits it has.
        evaluation_query: Query examples of an evaluation, if no number is asked for.
        validation_query: Query examples of a validation, if no number is asked for.
    """

    evaluation_query: ClassVar[int] = 15
    validation_query: ClassVar[int] = 5

    def __init_subclass__(cls, **more: Any) -> None:
        """Record the calls of ``split`` and ``episodes`` so that results can be described."""
        super().__init_subclass__(**more)
        for name in ("split", "episodes"):
            if name in vars(cls):
                _record(cls, name)

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
        """Describe in a few sentences the data and how they are divided."""
        return []

    def everything(self) -> Pool:
        """Give all that can be new to a learner of other data; by default the test split."""
        return self.split("test")

    def options(self) -> tuple[str, ...]:
        """Name the options of its tasks: way, shot, query, ..."""
        return tuple(inspect.signature(self.split(self.split_names[0]).episodes).parameters)

    def tasks(self, split: str, **options: Any) -> TaskSource:
        """Make the tasks of one split; options that are None keep their defaults.

        Args:
            split: A split, or ``"all"``.
            options: Arguments of the pool's ``episodes``.

        Raises:
            UserError: If these tasks do not have an option.
        """
        pool = self._chosen(split)
        return pool.episodes(**_known(pool, options, type(self)))

    def evaluation(self, split: str = "test", **options: Any) -> TaskSource:
        """Make tasks to evaluate on, with at most 15 queries a class (functions: 100)."""
        return self._judging(split, self.evaluation_query, options)

    def validation(self, **options: Any) -> TaskSource | None:
        """Make tasks to validate on, of at most 20 ways and 5 shots; None without such a split."""
        if "validation" not in self.split_names:
            return None
        pool = self.split("validation")
        return self._judging(
            "validation", self.validation_query, _small(pool, given_options(options))
        )

    def _chosen(self, split: str) -> Pool:
        return self.everything() if split == "all" else self.split(split)

    def _judging(self, split: str, query: int, options: dict[str, Any]) -> TaskSource:
        given = given_options(options)
        if "query" not in given:
            given["query"] = _at_most(query, self._chosen(split), given.get("shot", 1))
        return self.tasks(split, **given)


def _record(cls: type, name: str) -> None:
    """Record the calls of the method ``name``, if they are not recorded already."""
    method = vars(cls)[name]
    if not getattr(method, "recorded", False):
        setattr(cls, name, recorded(method))


def given_options(options: dict[str, Any]) -> dict[str, Any]:
    """Leave out the options that are None."""
    return {name: value for name, value in options.items() if value is not None}


def _small(pool: Pool, options: dict[str, Any]) -> dict[str, Any]:
    """Reduce way and shot to the most that validation tasks have."""
    most = {"way": min(20, getattr(pool, "num_classes", 20)), "shot": 5}
    return {name: min(value, most.get(name, value)) for name, value in options.items()}


def _at_most(query: int, pool: Pool, shot: Any) -> int:
    """Reduce ``query`` to the examples that every class of ``pool`` has beside ``shot``."""
    smallest = _smallest(pool)
    if smallest is None or not isinstance(shot, int):
        return query
    return max(1, min(query, smallest - shot))


def _smallest(pool: Pool) -> int | None:
    """Give the number of examples of the smallest class; None if there are no classes."""
    size = getattr(pool, "size", None)
    return int(size.min()) if isinstance(size, Tensor) else None


def parameters(cls: type) -> dict[str, inspect.Parameter]:
    """Give the parameters of a constructor by name."""
    found = inspect.signature(cls).parameters
    return dict(found)


def source_name(cls: type) -> str:
    """Give the name of a class of data: of the registry, or its import path."""
    from quickstudy.tasks.registry import SOURCES

    return SOURCES.name_of(cls)


def check_split(name: str, splits: Sequence[str]) -> None:
    """Raise if there is no split ``name``.

    Raises:
        UserError: If there is no such split.
    """
    known = ", ".join(map(repr, splits))
    require(name in splits, f"Parameter `split` should be one of {known}. Found {name!r}.")


def divide(count: int, fractions: Fractions, seed: int) -> dict[str, Tensor]:
    """Divide ``0 … count-1`` at random into the three splits, each part ascending."""
    order = torch.randperm(count, generator=generator(seed, "split"))
    parts = zip(SPLITS, order.tensor_split(_cuts(count, fractions)), strict=True)
    return {name: part.sort().values for name, part in parts}


def _cuts(count: int, fractions: Fractions) -> list[int]:
    """Give the places at which the second and the third part begin."""
    return [round(end * count) for end in accumulate(fractions[:2])]


def numbered(names: Iterable[str]) -> dict[str, int]:
    """Number different names, from 0 on."""
    return {name: place for place, name in enumerate(names)}


def check_fractions(fractions: Fractions) -> None:
    """Check that ``fractions`` are three parts of a whole.

    Raises:
        UserError: If they are not.
    """
    good = len(fractions) == 3 and abs(sum(fractions) - 1) < 1e-9 and min(fractions) >= 0
    message = "Parameter `fractions` should be three numbers that sum to 1."
    require(good, f"{message} Found {fractions}.")


def _known(pool: Pool, options: dict[str, Any], kind: type[Data]) -> dict[str, Any]:
    """Give the options that were given.

    Raises:
        UserError: If ``pool`` does not know one of them that is not False.
    """
    known, given = inspect.signature(pool.episodes).parameters, given_options(options)
    unknown = [key for key in given if key not in known and given[key] is not False]
    listed = ", ".join(f"`{key}`" for key in unknown)
    has = ", ".join(known)
    name = source_name(kind)
    require(not unknown, f"Tasks of {name} have no option {listed}. They have {has}.")
    return {key: value for key, value in given.items() if key in known}


__all__ = ["SPLITS", "Data", "Fractions", "Pool", "check_split", "divide"]
