"""What a training is asked to do: learner, data and network, then exactly their options."""

import dataclasses
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from quickstudy.cli import catalog
from quickstudy.cli.option import Kind, Option, option_of
from quickstudy.cli.options import fields
from quickstudy.cli.parsing import values_of, with_defaults
from quickstudy.cli.reader import REQUIRED, method, parameters, returned
from quickstudy.cli.recipes import Options, recipe

FILLED = {
    "learner": {
        *("model", "way", "targets", "num_tasks", "seed"),
        *("pretraining_classes", "feature_channels"),
    },
    "model": {
        *("in_channels", "in_chans", "image_size", "img_size", "inputs", "in_features"),
        *("way", "outputs", "num_classes", "out_features", "maps", "seed", "trunk", "targets"),
    },
}
"""Parameters that the data decide."""
HERE = "quickstudy.cli.options"
OLD = {"maml": "sinusoid", "metasgd": "sinusoid_metasgd", "mixture": "mixture"}
"""What ``--data sinusoid --variant NAME`` was in version 0.1.0."""


@dataclass(frozen=True)
class Choice:
    """A learner, data and a network, each by a name or a path.

    Attributes:
        learner: The learner.
        data: The data.
        model: The network; None for the usual one.
        columns: Whether the data is a table with a column that says the task.
    """

    learner: str
    data: str = "glyphs"
    model: str | None = None
    columns: bool = False

    @cached_property
    def source(self) -> str:
        """The name of the source that the data is."""
        return catalog.source_of(self.data)

    @property
    def network(self) -> str | None:
        """The name of the network; None if only the data can tell."""
        if self.model is not None:
            return self.model
        usual = self._recipe.get("network", {}).get("model")
        if usual is not None:
            return str(usual)
        images = catalog.holds_images(self.data)
        return None if images is None else "conv4" if images else "mlp"

    @property
    def fixed_tasks(self) -> bool:
        """Whether the tasks are a fixed set."""
        return self.source == "table" and self.columns

    @cached_property
    def _recipe(self) -> Options:
        return recipe(self.learner, self.data)

    @cached_property
    def options(self) -> list[Option]:
        """All options of the choice, a name that is taken with its owner before it."""
        data = Option("data", Kind(str), "glyphs", DATA_TEXT, "data")
        general = [*fields(f"{HERE}:Training", "training"), *fields(f"{HERE}:Machine", "machine")]
        general += fields(f"{HERE}:Network", "network")
        found = {option.name: option for option in (data, *map(self._offered, general))}
        for option in (*self._of_data(), *self._of_tasks()):
            _add(found, option, "data")
        for option in self._of_class("learners", self.learner, "learner"):
            _add(found, option, "learner")
        if self.network is not None:
            for option in self._of_class("models", self.network, "model"):
                _add(found, dataclasses.replace(option, group="network"), "model")
        return sorted(map(self._with_recipe, found.values()), key=_place)

    def owned(self, owner: str) -> list[Option]:
        """The options that ``owner``, data, task, learner or model, gets."""
        return [option for option in self.options if option.owner == owner]

    def _offered(self, option: Option) -> Option:
        """Give the option; the balancers offered are those for tasks that are drawn, or fixed."""
        if option.name != "balancer":
            return option
        known = catalog.balancers()
        able = tuple(name for name, fixed in known.items() if self.fixed_tasks or not fixed)
        return dataclasses.replace(option, kind=Kind(str, choices=able))

    def _of_data(self) -> list[Option]:
        found = parameters(catalog.path_of("sources", self.source))
        decided = found[:1] if self.source != self.data else []
        made = [option_of(one, "data", owner="data") for one in found if one not in decided]
        return [option for option in made if option is not None]

    def _of_tasks(self) -> list[Option]:
        classes = "way" in self.task_names
        made = fields(f"{HERE}:{'ClassTasks' if classes else 'OtherTasks'}", "task")
        names = {*self.task_names, "train_way"} if classes else self.task_names
        return [
            dataclasses.replace(option, owner="task", target=option.name)
            for option in made
            if option.name in names
        ]

    @cached_property
    def task_names(self) -> set[str]:
        """The names of the options that the source's tasks have."""
        if self.source == "table":
            return {"shot", "query"} if self.columns else {"way", "shot", "query"}
        path = catalog.path_of("sources", self.source)
        pool = returned(path, "split")
        found = None if pool is None else method(pool, "episodes")
        return {"way", "shot", "query"} if found is None else {one.name for one in found}

    def _of_class(self, table: str, name: str, owner: str) -> list[Option]:
        """List the options that the constructor of a learner or model has."""
        found = []
        for one in parameters(catalog.path_of(table, name)):
            sized = one.name == "embedding_size" and one.default in (None, REQUIRED)
            option = option_of(one, owner, owner=owner)
            if option is not None and not sized and one.name not in FILLED[owner]:
                found.append(option)
        return found

    def _with_recipe(self, option: Option) -> Option:
        owner = option.owner or option.group
        good = self._recipe.get(owner, {})
        name = option.target or option.name
        value = good.get(name, option.default)
        return dataclasses.replace(
            option, default=tuple(value) if isinstance(value, list) else value
        )


DATA_TEXT = (
    "Where tasks come from: a name of `quickstudy list`, a folder of class folders of images, a "
    ".csv, .parquet or .npz file, the folder of Omniglot's zips, or your own class as "
    "package.module:Class."
)
GROUPS = ("data", "task", "training", "network", "learner", "machine")


def _place(option: Option) -> int:
    return GROUPS.index(option.group)


def _add(found: dict[str, Option], option: Option, owner: str) -> None:
    """Add an option, with its owner's name before its own if that is taken."""
    name = option.name if option.name not in found else f"{owner}_{option.name}"
    found[name] = dataclasses.replace(option, name=name)


@dataclass(frozen=True)
class Asked:
    """A choice and the values of its options.

    Attributes:
        choice: The choice.
        values: The value of every option by name.
        given: The names of those that were given.
    """

    choice: Choice
    values: dict[str, Any]
    given: frozenset[str] = field(default_factory=frozenset)

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def of(self, owner: str) -> dict[str, Any]:
        """Give the values of the options of ``owner`` by the names of its parameters."""
        return {option.target: self.values[option.name] for option in self.choice.owned(owner)}

    @property
    def settings(self) -> dict[str, Any]:
        """All values, as recorded in ``run.json``."""
        first = {"learner": self.choice.learner, "data": self.choice.data}
        plain = dict(self.values)
        plain |= {name: str(one) for name, one in plain.items() if isinstance(one, Path)}
        return {**first, **plain, "model": self.choice.network}


def asked(learner: str, arguments: Sequence[str]) -> Asked:
    """Read the options of ``train LEARNER``.

    Raises:
        UserError: In one line, if something is unknown or wrong.
    """
    arguments = modern(arguments)
    choice = choice_of(learner, arguments)
    command = f"train {learner}"
    given = values_of(choice.options, arguments, command)
    values = with_defaults(choice.options, given, command)
    return Asked(choice, values, frozenset(given))


def choice_of(learner: str, arguments: Sequence[str]) -> Choice:
    """Find the learner, the data and the network among ``arguments``.

    Raises:
        UserError: If one of them is unknown.
    """
    here = os.getcwd()
    if here not in sys.path:
        sys.path.append(here)  # modules of the user's
    if catalog.path_of("learners", learner) == learner:
        from quickstudy.cli.making import learner_class

        learner_class(learner)  # refuses a class of the user's that is no learner
    data = _last(arguments, "--data") or "glyphs"
    model = _last(arguments, "--model")
    choice = Choice(learner, data, model, _last(arguments, "--task") is not None)
    if choice.network is not None:
        catalog.path_of("models", choice.network)
    return choice


def modern(arguments: Sequence[str]) -> list[str]:
    """Give the arguments with ``--variant`` of version 0.1.0 as the name of the data."""
    variant = _last(arguments, "--variant")
    if variant not in OLD or _last(arguments, "--data") != "sinusoid":
        return list(arguments)
    left = list(_without(arguments, ("--variant", "--data")))
    return ["--data", OLD[str(variant)], *left]


def _last(arguments: Sequence[str], flag: str) -> str | None:
    """Give the value of the last ``flag``, if there is one."""
    found = None
    for word, after in zip(arguments, [*arguments[1:], ""], strict=False):
        if word == flag and after:
            found = after
        elif word.startswith(f"{flag}="):
            found = word.partition("=")[2]
    return found


def _without(arguments: Sequence[str], flags: Sequence[str]) -> Iterable[str]:
    """Leave out flags and their values."""
    words = iter(arguments)
    for word in words:
        if word in flags:
            next(words, None)
        elif word.partition("=")[0] not in flags:
            yield word


__all__ = ["GROUPS", "Asked", "Choice", "asked", "choice_of", "modern"]
