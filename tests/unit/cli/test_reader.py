"""What is read from the source without importing is what is there."""

import subprocess
import sys
import typing

import pytest

from quickstudy.cli import catalog, reader
from quickstudy.cli.module import Opaque
from quickstudy.describe import imported
from quickstudy.learners import LEARNERS
from quickstudy.models import MODELS
from quickstudy.tasks import SOURCES

TABLES = {"learners": LEARNERS, "models": MODELS, "sources": SOURCES}
NAMES = [(kind, name) for kind, table in TABLES.items() for name in table]


@pytest.mark.parametrize("kind", TABLES)
def test_the_tables_are_true(kind):
    assert list(catalog.table(kind)) == list(TABLES[kind])
    for name, path in catalog.table(kind).items():
        assert imported(path) is TABLES[kind][name]


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_signatures_are_true(kind, name):
    path = catalog.table(kind)[name]
    found, true = reader.signature(path), reader.live(imported(path))
    assert [(one.name, one.default) for one in found] == [(one.name, one.default) for one in true]
    for one, other in zip(found, true, strict=True):
        assert one.type is Opaque or repr(one.type) == str(one.type) or same(one, other)


def same(one: reader.Parameter, other: reader.Parameter) -> bool:
    """Whether two types are one, however they are written."""
    kinds = [set(typing.get_args(kind)) or {kind} for kind in (one.type, other.type)]
    return kinds[0] == kinds[1] or isinstance(one.type, Opaque)


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_every_one_has_a_line_and_every_option_a_text(kind, name):
    path = catalog.table(kind)[name]
    line = reader.summary(path)
    assert line.endswith(".") and "`" not in line and "\n" not in line
    assert all(one.text for one in reader.signature(path)), path


def test_balancers_are_true():
    from quickstudy.balance.names import NAMED

    found = catalog.balancers()
    assert found == {name: NAMED[name].fixed_tasks for name in found}
    assert set(NAMED) - set(found) == {"static", "auto_lambda"}


def test_nothing_is_imported():
    code = (
        "import sys; from quickstudy.cli import catalog; from quickstudy.cli.train import *;"
        "[catalog.summaries(kind) for kind in catalog.TABLES];"
        "overview(); help_of('maml', []); help_of('anil', ['--data', 'omniglot']);"
        "heavy = {'torch', 'numpy', 'pandas', 'torchjd', 'matplotlib', 'rich', 'sklearn'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_returned_classes():
    assert reader.returned(catalog.table("sources")["glyphs"], "split") == (
        "quickstudy.tasks.classes:Classes"
    )
    names = reader.method("quickstudy.tasks.classes:Classes", "episodes")
    assert [one.name for one in names or []][:4] == ["self", "way", "shot", "query"]
