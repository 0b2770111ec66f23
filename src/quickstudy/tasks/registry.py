"""The data known by name, and finding out what a path holds."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from quickstudy.errors import UserError, require
from quickstudy.tasks.data import Data, parameters, source_name
from quickstudy.tasks.omniglot_files import PARTS
from quickstudy.tasks.own_tasks import OwnTasks
from quickstudy.tasks.source import TaskSource

Kind = type[Data] | type[TaskSource]
"""A class of data, or of the user's whose objects draw tasks themselves."""


class Registry(Mapping[str, type[Data]]):
    """Classes by name, each imported when it is asked for.

    Args:
        places: ``"module:Class"`` by name.
    """

    def __init__(self, places: dict[str, str]) -> None:
        self.places = places

    def __getitem__(self, name: str) -> type[Data]:
        return _imported(self.places[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

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
    """Find out what ``source`` is: a name, a path, or the import path of a class of the user's.

    Returns:
        The class, and the arguments that ``source`` decides: none for a name, where it is for a
        path.

    Raises:
        UserError: If it is none of them, or holds nothing that tasks can be drawn from.
    """
    name = str(source)
    if name in SOURCES:
        return SOURCES[name], {}
    path = Path(source)
    if path.exists():
        kind = SOURCES[_kind_of(path)]
        return kind, {next(iter(parameters(kind))): name}
    module, _, attribute = name.partition(":")
    dotted = bool(attribute) and all(part.isidentifier() for part in module.split("."))
    require(dotted, f"Data should be {WAYS}. Found {name!r}, which is neither a name nor a path.")
    return _own(name), {}


def open_source(source: str | Path | Data, **options: Any) -> Data:
    """Open data by name or path: ``qs.tasks.open_source("pictures", size=64, channels=3)``.

    Args:
        source: A name of :data:`SOURCES`, a path (a folder of class folders of images, the folder
            of Omniglot's zips, a ``.csv``, ``.parquet`` or ``.npz`` file), or ``"module:Class"``, a
            subclass of :class:`~quickstudy.tasks.Data` or :class:`~quickstudy.tasks.TaskSource` of
            your own.
        options: Arguments of its constructor; those that are None are left to their defaults.

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
    return make(kind, decided | {key: value for key, value in options.items() if value is not None})


def make(kind: Kind, arguments: Mapping[str, Any]) -> Data:
    """Make data of class ``kind``; a source of tasks is every split of its data.

    Raises:
        UserError: If it has no such option or lacks one.
    """
    known, name = parameters(kind), source_name(kind)
    unknown = [f"`{key}`" for key in arguments if key not in known]
    has = f"It has {', '.join(known)}." if known else "It has none."
    require(not unknown, f"Source {name} has no option {', '.join(unknown)}. {has}")
    needed = [key for key, value in known.items() if value.default is value.empty]
    lacking = [f"`{key}`" for key in needed if arguments.get(key) is None]
    require(not lacking, f"Source {name} needs the option {', '.join(lacking)}. {has}")
    made = kind(**arguments)
    return made if isinstance(made, Data) else OwnTasks(made)


def _kind_of(path: Path) -> str:
    """What the file or folder at ``path`` is, as a name of the registry."""
    if path.is_dir():
        sets = [(path / f"{part}.zip").exists() or (path / part).is_dir() for part in PARTS]
        return "omniglot" if any(sets) else "images"
    kinds = {".csv": "table", ".parquet": "table", ".npz": "arrays"}
    kind = kinds.get(path.suffix.lower())
    if kind is None:
        raise UserError(
            f"Data should be {WAYS}. Found the file {path}, which ends in {path.suffix!r}."
        )
    return kind


def _own(place: str) -> Kind:
    """The user's class at ``place``."""
    try:
        found: Any = _imported(place)
    except (ImportError, AttributeError) as error:
        raise UserError(f"Data {place} cannot be imported: {error}.") from error
    require(
        isinstance(found, type) and issubclass(found, Data | TaskSource),
        f"Data {place} should be a subclass of quickstudy.tasks.Data or quickstudy.tasks."
        f"TaskSource. Found {found!r}.",
    )
    kind: Kind = found
    return kind


def _imported(place: str) -> type[Data]:
    module, _, attribute = place.partition(":")
    found: Any = import_module(module)
    for part in attribute.split("."):
        found = getattr(found, part)
    kind: type[Data] = found
    return kind


__all__ = ["SOURCES", "Registry", "make", "open_source", "source_class"]
