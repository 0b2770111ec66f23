"""The learner, the data and the network of a training, and exactly their options."""

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from quickstudy.cli import catalog
from quickstudy.cli.kind import Kind
from quickstudy.cli.option import Option, options_for
from quickstudy.cli.options import fields
from quickstudy.cli.reader import REQUIRED, Parameter, method, returned
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
GROUPS = ("data", "task", "training", "network", "learner", "machine")
GENERAL = {"training": "TrainingOptions", "machine": "MachineOptions", "network": "NetworkOptions"}
"""The dataclasses of the options that every training has, by their group."""
HERE = "quickstudy.cli.options"
DATA = Option(
    "data",
    Kind(str),
    "glyphs",
    "Where tasks come from: a name of `quickstudy list`, a folder of class folders of images, a "
    ".csv, .parquet or .npz file, the folder of Omniglot's zips, or your own class as "
    "package.module:Class.",
    "data",
)
CLASS_TASKS = frozenset({"way", "shot", "query"})
"""Options of tasks of classes."""


@dataclass(frozen=True)
class Choice:
    """A learner, data and a network, each by a name or a path.

    Attributes:
        learner: The learner.
        data: The data.
        model: The network; None for the usual one.
        columns: Whether the data is a table with a task column.
    """

    learner: str
    data: str = "glyphs"
    model: str | None = None
    columns: bool = False

    @cached_property
    def source(self) -> str:
        """The name of the source of the data."""
        return catalog.source_of(self.data)

    @property
    def network(self) -> str | None:
        """The name of the network; None if only the data can tell."""
        return self._usual_network if self.model is None else self.model

    @property
    def _usual_network(self) -> str | None:
        """The network of the recipe, else the one for the data."""
        good = self._recipe.get("network", {})
        return str(good["model"]) if "model" in good else self._network_for_data

    @property
    def _network_for_data(self) -> str | None:
        images = catalog.holds_images(self.data)
        if images is None:
            return None
        return "conv4" if images else "mlp"

    @property
    def fixed_tasks(self) -> bool:
        """Whether the tasks are a fixed set."""
        return self.source == "table" and self.columns

    @cached_property
    def _recipe(self) -> Options:
        return recipe(self.learner, self.data)

    @cached_property
    def options(self) -> list[Option]:
        """All options of the choice; a name that is taken is prefixed with its owner."""
        found = {option.name: self._offered(option) for option in _general()}
        for option in (*self._of_data(), *self._of_tasks(), *self._of_learner(), *self._of_model()):
            _add(found, option)
        return sorted(map(self._with_recipe, found.values()), key=_place)

    def owned(self, owner: str) -> list[Option]:
        """The options that ``owner``, data, task, learner or model, gets."""
        return [option for option in self.options if option.owner == owner]

    def _offered(self, option: Option) -> Option:
        """Give the option; the balancers offered fit tasks that are drawn, or fixed."""
        if option.name != "balancer":
            return option
        known = catalog.balancers().items()
        able = tuple(name for name, fixed in known if self.fixed_tasks or not fixed)
        return dataclasses.replace(option, kind=Kind(str, choices=able))

    def _of_data(self) -> list[Option]:
        """List the options of the data, without the option that a path decides."""
        decided = 0 if self.source == self.data else 1
        return options_for(catalog.options_of("sources", self.source)[decided:], "data", "data")

    def _of_tasks(self) -> list[Option]:
        """List the options of a task."""
        names = self.task_names
        if "way" in names:
            return _task_options("ClassTasks", names | {"train_way"})
        return _task_options("OtherTasks", names)

    @cached_property
    def task_names(self) -> frozenset[str]:
        """The names of the options that the source's tasks have."""
        if catalog.draws_tasks(self.source):
            return frozenset()
        if self.source == "table":
            return CLASS_TASKS - {"way"} if self.columns else CLASS_TASKS
        return _names_of_tasks(catalog.place_of("sources", self.source))

    def _of_learner(self) -> list[Option]:
        """List the options of the learner."""
        found = catalog.options_of("learners", self.learner)
        return options_for(_open(found, "learner"), "learner", "learner")

    def _of_model(self) -> list[Option]:
        """List the options of the network, if it is known."""
        if self.network is None:
            return []
        found = catalog.options_of("models", self.network)
        return options_for(_open(found, "model"), "network", "model")

    def _with_recipe(self, option: Option) -> Option:
        """Give the option with the recommended default for the choice."""
        good = self._recipe.get(option.owner or option.group, {})
        value = good.get(option.target or option.name, option.default)
        default = tuple(value) if isinstance(value, list) else value
        return dataclasses.replace(option, default=default)


def _general() -> Iterator[Option]:
    """Give the options that every training has."""
    yield DATA
    for group, name in GENERAL.items():
        yield from fields(f"{HERE}:{name}", group)


def _names_of_tasks(place: str) -> frozenset[str]:
    """Name the options of tasks: the parameters of ``episodes`` of a split of the source."""
    pool = returned(place, "split")
    found = None if pool is None else method(pool, "episodes")
    return CLASS_TASKS if found is None else frozenset(one.name for one in found)


def _task_options(fields_of: str, names: frozenset[str]) -> list[Option]:
    """List the options of a task: the fields of a dataclass that are in ``names``."""
    made = (one for one in fields(f"{HERE}:{fields_of}", "task") if one.name in names)
    return [dataclasses.replace(one, owner="task") for one in made]


def _open(parameters: Iterable[Parameter], owner: str) -> list[Parameter]:
    """Leave out the parameters that the data decide."""
    return [one for one in parameters if one.name not in FILLED[owner] and not _is_length(one)]


def _is_length(one: Parameter) -> bool:
    """Say whether a parameter is the length of the embeddings, which the network decides."""
    return one.name == "embedding_size" and one.default in (None, REQUIRED)


def _place(option: Option) -> int:
    return GROUPS.index(option.group)


def _add(found: dict[str, Option], option: Option) -> None:
    """Add an option; if its name is taken, prefix it with the name of its owner."""
    owner = "data" if option.owner == "task" else option.owner
    name = f"{owner}_{option.name}" if option.name in found else option.name
    found[name] = dataclasses.replace(option, name=name)


__all__ = ["GROUPS", "Choice"]
