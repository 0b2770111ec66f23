"""The data known by name, and the kind of data at a path."""

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any

from quickstudy.errors import UserError, require
from quickstudy.tasks.data import Data, given_options, parameters, source_name
from quickstudy.tasks.omniglot_files import PARTS
from quickstudy.tasks.own_tasks import OwnTasks
from quickstudy.tasks.source import TaskSource

Kind = type[Data] | type[TaskSource]
"""A class of data, or a user's class whose objects draw tasks themselves."""


class Registry(Mapping[str, type[Data]]):
    """Classes by name, each imported at its first use.

    Args:
        places: ``"module:Class"`` by name.
    """

    def __init__(self, places: dict[str, str]) -> None:
        self.places = places

    def __getitem__(self, name: str) -> type[Data]:
        return _imported(self.places[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def name_of(self, cls: type) -> str:
        """Give the name of a class, or its import path if it has no name."""
        place = f"{cls.__module__}:{cls.__qualname__}"
        names = {known: name for name, known in self.places.items()}
        return names.get(place, place)

    def __len__(self) -> int:
        return len(self.places)


SOURCES = Registry(
    {
        "glyphs": "quickstudy.tasks.glyphs:Glyphs",
        "omniglot": "quickstudy.tasks.omniglot:Omniglot",
        "images": "quickstudy.tasks.images:Images",
        "table": "quickstudy.tasks.rows:Rows",
        "arrays": "quickstudy.tasks.array_file:ArrayFile",
        "sinusoid": "quickstudy.tasks.sinusoid:Sinusoid",
        "sinusoid_metasgd": "quickstudy.tasks.sinusoid:SinusoidMetaSGD",
        "line": "quickstudy.tasks.line:Line",
        "mixture": "quickstudy.tasks.sinusoid:SinusoidsAndLines",
    }
)
"""The data known by name to :func:`open_source` and the command line."""

WAYS = (
    f"one of {', '.join(SOURCES)}, a folder of class folders of images, a .csv, .parquet or .npz "
    "file, or your own class as module:Class"
)


def source_class(source: str | Path) -> tuple[Kind, dict[str, Any]]:
    """Find the class of ``source``: a name, a path, or the import path of a user's class.

    Returns:
        The class, and the arguments that ``source`` decides: none for a name, the path for a path.

    Raises:
        UserError: If ``source`` is none of these, or holds no data that tasks can be drawn from.
    """
    name = str(source)
    if name in SOURCES:
        return SOURCES[name], {}
    path = Path(source)
    if path.exists():
        kind = SOURCES[_kind_of(path)]
        return kind, {next(iter(parameters(kind))): name}
    require(
        _is_import_path(name),
        f"Data should be {WAYS}. Found {name!r}, which is neither a name nor a path.",
    )
    return _own(name), {}


def _is_import_path(name: str) -> bool:
    """Say whether ``name`` has the form module:Class."""
    module, _, attribute = name.partition(":")
    return bool(attribute) and all(part.isidentifier() for part in module.split("."))


def open_source(source: str | Path | Data, **options: Any) -> Data:
    """Open data by name or path: ``qs.tasks.open_source("pictures", size=64, channels=3)``.

    Args:
        source: A name of :data:`SOURCES`, a path (a folder of class folders of images, the folder
            of Omniglot's zips, a ``.csv``, ``.parquet`` or ``.npz`` file), or ``"module:Class"``, a
            subclass that you wrote of :class:`~quickstudy.tasks.Data` or
            :class:`~quickstudy.tasks.TaskSource`.
        options: Arguments of its constructor; options that are None keep their defaults.

    Raises:
        UserError: If there is no such data, it lacks an option, has no such option, or cannot be
            read.

    Example:
        >>> import quickstudy as qs
        >>> tasks = qs.tasks.open_source("sinusoid").split("train").episodes(shot=5, query=5)
        >>> tasks.sample(2, qs.Moment(0, "train")).support.x.shape
        torch.Size([2, 5, 1])
    """
    if isinstance(source, Data):
        require(not options, f"Data that is open already takes no options. Found {list(options)}.")
        return source
    kind, decided = source_class(source)
    return make(kind, decided | given_options(options))


def make(kind: Kind, arguments: Mapping[str, Any]) -> Data:
    """Make data of class ``kind``; a source of tasks is every split of its data.

    Raises:
        UserError: If it has no such option or lacks one.
    """
    known, name = parameters(kind), source_name(kind)
    has = f"It has {', '.join(known)}." if known else "It has none."
    unknown = _listed(key for key in arguments if key not in known)
    require(not unknown, f"Source {name} has no option {unknown}. {has}")
    needed = (key for key, value in known.items() if value.default is value.empty)
    lacking = _listed(key for key in needed if arguments.get(key) is None)
    require(not lacking, f"Source {name} needs the option {lacking}. {has}")
    made = kind(**arguments)
    return made if isinstance(made, Data) else OwnTasks(made)


def _listed(keys: Iterable[str]) -> str:
    """Write the names of options; empty if there are no options."""
    return ", ".join(f"`{key}`" for key in keys)


def _kind_of(path: Path) -> str:
    """Find the registered name for the file or folder at ``path``."""
    if path.is_dir():
        return "omniglot" if _holds_omniglot(path) else "images"
    kinds = {".csv": "table", ".parquet": "table", ".npz": "arrays"}
    kind = kinds.get(path.suffix.lower())
    if kind is None:
        raise UserError(
            f"Data should be {WAYS}. Found the file {path}, which ends in {path.suffix!r}."
        )
    return kind


def _holds_omniglot(folder: Path) -> bool:
    """Say whether ``folder`` holds one of Omniglot's two sets."""
    return any((folder / f"{part}.zip").exists() or (folder / part).is_dir() for part in PARTS)


def _own(place: str) -> Kind:
    """Give the user's class at ``place``; raise if it is not a class of data or tasks."""
    found = _imported_or_error(place)
    good = isinstance(found, type) and issubclass(found, Data | TaskSource)
    require(
        good,
        f"Data {place} should be a subclass of quickstudy.tasks.Data or quickstudy.tasks."
        f"TaskSource. Found {found!r}.",
    )
    kind: Kind = found
    return kind


def _imported_or_error(place: str) -> Any:
    try:
        return _imported(place)
    except (ImportError, AttributeError) as error:
        raise UserError(f"Data {place} cannot be imported: {error}.") from error


def _imported(place: str) -> type[Data]:
    module, _, attribute = place.partition(":")
    kind: type[Data] = attrgetter(attribute)(import_module(module))
    return kind


__all__ = ["SOURCES", "Registry", "make", "open_source", "source_class"]
