"""Check the measurable rules of the house: ``python tools/house.py [ROOM ...]``.

`make lint` runs it. Without an argument it checks the rooms that are not in ``NOT_YET``; with
arguments it checks those rooms, also if they are exempt. It prints a line for every violation and
exits with 1 if there is one.
"""

import ast
import io
import re
import sys
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from statistics import median

NOT_YET: tuple[str, ...] = ()
"""The rooms that are exempt until they are rewritten: this list only shrinks, to nothing."""

BASE = "base"
"""The room of the modules that stand in no folder."""

MEDIAN_TOKENS, P90_TOKENS = 45, 130
MOST_COLUMNS, MOST_LINES = 100, 350
MOST_PARAMETERS, MOST_PACKED = 7, 2

SAME_MEANING = {
    "main": "the entry of every command",
    "Classes": "the target that asks for a class, and the pool of examples that classes are of",
}
"""Public names that several modules may define because they mean the same in each, and why."""

ROLE = re.compile(r":[a-z:]+:`")
MATHS = re.compile(r"[\\$]|[∂∇Σ∏√∞≈≠≤≥·±←→⟨⟩‖∈ᵀ]|`[^`]* [-=+*/<>] [^`]*`")
Function = ast.FunctionDef | ast.AsyncFunctionDef
Scope = Function | ast.ClassDef | ast.Module
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
COUNTED = (tokenize.NAME, tokenize.NUMBER, tokenize.OP)


@dataclass(frozen=True)
class Module:
    """A file of the package.

    Attributes:
        path: Where it is, relative to the package.
        text: Its source.
    """

    path: Path
    text: str

    @property
    def room(self) -> str:
        """The folder of the package that it stands in."""
        return self.path.parts[0] if len(self.path.parts) > 1 else BASE

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All nodes of its syntax tree, the module first."""
        return list(ast.walk(ast.parse(self.text)))

    @cached_property
    def top(self) -> list[ast.stmt]:
        """The statements of its outermost level."""
        module = self.nodes[0]
        assert isinstance(module, ast.Module)
        return module.body

    def at(self, line: int) -> str:
        """Name a line."""
        return f"{self.path.as_posix()}:{line}"


def read(package: Path) -> list[Module]:
    """Read all modules of ``package``."""
    files = sorted(package.rglob("*.py"))
    return [Module(file.relative_to(package), file.read_text("utf-8")) for file in files]


def tokens_of(module: Module) -> list[tuple[int, str]]:
    """Count the tokens of every function: names, numbers and operators.

    Strings and comments do not count, so neither do docstrings. A function within a function counts
    by itself and in the outer one.
    """
    each_line = Counter(_counted_lines(module.text))
    last = module.text.count("\n") + 2
    before = list(accumulate((each_line[line] for line in range(last)), initial=0))
    functions = [node for node in module.nodes if isinstance(node, Function)]
    return [
        (before[(f.end_lineno or 0) + 1] - before[f.lineno], f"{module.at(f.lineno)} {f.name}")
        for f in functions
    ]


def _counted_lines(text: str) -> Iterator[int]:
    """Give the line of every name, number and operator.

    From Python 3.12 on, the tokenizer takes f-strings apart. Their parts do not count either, so
    that all versions count alike.
    """
    depth = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = tokenize.tok_name[token.type]
        depth += (kind == "FSTRING_START") - (kind == "FSTRING_END")
        if token.type in COUNTED and not depth:
            yield token.start[0]


def too_many_tokens(modules: Sequence[Module]) -> Iterator[str]:
    """Find whether functions are too large: by their median, and by the largest tenth."""
    counts = sorted((count for module in modules for count in tokens_of(module)), reverse=True)
    if not counts:
        return
    sizes = sorted(size for size, _ in counts)
    middle, large = median(sizes), sizes[int(0.9 * (len(sizes) - 1))]
    largest = "; ".join(f"{where} ({size})" for size, where in counts[:8])
    if middle > MEDIAN_TOKENS:
        yield f"the median function has {middle:.0f} tokens, at most {MEDIAN_TOKENS}: {largest}"
    if large > P90_TOKENS:
        yield f"a tenth have {large} tokens or more, at most {P90_TOKENS}: {largest}"


def long_files(module: Module) -> Iterator[str]:
    """Find files of too many lines."""
    lines = len(module.text.splitlines())
    if lines > MOST_LINES:
        yield f"{module.path.as_posix()}: {lines} lines, at most {MOST_LINES}"


def long_lines(module: Module) -> Iterator[str]:
    """Find lines of too many columns."""
    for number, line in enumerate(module.text.splitlines(), 1):
        if len(line) > MOST_COLUMNS:
            yield f"{module.at(number)}: {len(line)} columns, at most {MOST_COLUMNS}"


def packed_assignments(module: Module) -> Iterator[str]:
    """Find assignments of several values at once.

    ``a, b, c = 1, 2, 3`` is one. Taking apart the result of a call is none.
    """
    for node in module.nodes:
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple)):
            continue
        names = max((_num_leaves(t) for t in node.targets if isinstance(t, ast.Tuple)), default=0)
        if names > MOST_PACKED:
            yield f"{module.at(node.lineno)}: {names} packed values in one assignment"


def _num_leaves(target: ast.expr) -> int:
    return sum(map(_num_leaves, target.elts)) if isinstance(target, ast.Tuple) else 1


def conditionals_in_comprehensions(module: Module) -> Iterator[str]:
    """Find ``a if b else c`` inside a comprehension."""
    comprehensions = (node for node in module.nodes if isinstance(node, COMPREHENSIONS))
    for node in comprehensions:
        if any(isinstance(inner, ast.IfExp) for inner in ast.walk(node)):
            yield f"{module.at(node.lineno)}: a conditional inside a comprehension"


def many_parameters(module: Module, exported: set[str]) -> Iterator[str]:
    """Find functions of too many parameters that are not public faces.

    A public face is a function that an ``__init__.py`` of the package exports in ``__all__``, or
    the constructor of such a class, if its docstring lists each parameter under ``Args:``. Its
    parameters are then documented options.
    """
    for function, docstring, is_public in _functions(module, exported):
        names = _parameters(function)
        options = docstring.partition("Args:")[2]
        listed = all(re.search(rf"^\s+{name}: ", options, re.MULTILINE) for name in names)
        if len(names) > MOST_PARAMETERS and not (is_public and listed):
            place = f"{module.at(function.lineno)} {function.name}"
            yield f"{place}: {len(names)} parameters, at most {MOST_PARAMETERS} but for a face"


def _functions(module: Module, exported: set[str]) -> Iterator[tuple[Function, str, bool]]:
    """Give every function, the docstring of its parameters, and whether it may be a face."""
    constructors: dict[Function, ast.ClassDef] = {
        member: node
        for node in module.nodes
        if isinstance(node, ast.ClassDef)
        for member in node.body
        if isinstance(member, ast.FunctionDef) and member.name == "__init__"
    }
    for node in module.nodes:
        if isinstance(node, Function):
            face: Function | ast.ClassDef = constructors.get(node, node)
            is_public = face in module.top and face.name in exported
            yield node, ast.get_docstring(face) or "", is_public


def _parameters(function: Function) -> list[str]:
    given = function.args
    names = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return [name for name in names if name not in ("self", "cls")]


def exports(modules: Iterable[Module]) -> set[str]:
    """Collect the names in ``__all__`` of every ``__init__.py``."""
    found: set[str] = set()
    for module in modules:
        for node in module.top if module.path.name == "__init__.py" else ():
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                names = (name for name in ast.walk(node) if isinstance(name, ast.Constant))
                found |= {str(name.value) for name in names}
    return found


def first_lines(module: Module) -> Iterator[str]:
    """Find docstrings whose first line is not one plain sentence.

    It stands alone, starts with a capital and ends with a full stop. It has no roles and no maths.
    That of a class has no backticks either, because the command line prints it.
    """
    for node in module.nodes:
        text = ast.get_docstring(node, clean=False) if isinstance(node, Scope) else None
        if text is not None:
            place = module.at(getattr(node, "lineno", 1))
            name = getattr(node, "name", "the module")
            for fault in _faults(text, isinstance(node, ast.ClassDef)):
                yield f"{place} {name}: the first line of the docstring {fault}"


def _faults(docstring: str, is_class: bool) -> Iterator[str]:
    first, *rest = docstring.split("\n")
    if rest and rest[0].strip():
        yield "should be a paragraph of its own"
    elif not first.endswith("."):
        yield "should end with a full stop"
    if not first[:1].isupper():
        yield "should start with a capital"
    if ROLE.search(first):
        yield "should hold no role, as :class: is"
    elif MATHS.search(first):
        yield "should hold no maths"
    elif is_class and "`" in first:
        yield "should hold no backticks in a class: the command line prints it"


def missing_tests(module: Module, tests: Path) -> Iterator[str]:
    """Find modules without a mirror test: ``tests/unit/ROOM/test_MODULE.py`` with a test in it."""
    if module.path.name.startswith("__"):
        return
    name = f"test_{module.path.stem.lstrip('_')}.py"
    mirror = tests / "unit" / module.path.parent / name
    if not (mirror.is_file() and re.search(r"^ *def test_", mirror.read_text("utf-8"), re.M)):
        yield f"{module.path.as_posix()}: no test in {mirror.relative_to(tests.parent).as_posix()}"


def shared_names(modules: Sequence[Module]) -> Iterator[str]:
    """Find public names of functions and classes that two modules define: one word, one meaning."""
    places = defaultdict(list)
    for module in modules:
        defined = (node for node in module.top if isinstance(node, Function | ast.ClassDef))
        for node in defined:
            if not node.name.startswith("_"):
                places[node.name].append(module.at(node.lineno))
    for name, where in sorted(places.items()):
        if len(where) > 1 and name not in SAME_MEANING:
            yield f"`{name}` is defined twice, one word should have one meaning: {', '.join(where)}"


def unknown_rooms(modules: Sequence[Module], rooms: Iterable[str]) -> Iterator[str]:
    """Find names of rooms that the package does not have."""
    known = {module.room for module in modules}
    return (f"there is no room {room!r}" for room in rooms if room not in known)


def check(root: Path, rooms: Sequence[str] = (), exempt: Sequence[str] = NOT_YET) -> list[str]:
    """Check a repository.

    Args:
        root: Its folder, with `src/quickstudy` and `tests`.
        rooms: The rooms to check; by default all that are not exempt.
        exempt: The rooms that do not keep the rules yet.

    Returns:
        A line for every violation.
    """
    every = read(root / "src" / "quickstudy")
    known = sorted({module.room for module in every})
    asked = rooms or [room for room in known if room not in exempt]
    modules = [module for module in every if module.room in asked]
    exported = exports(every)
    found = [*unknown_rooms(every, [*rooms, *exempt]), *too_many_tokens(modules)]
    for module in modules:
        found += long_files(module)
        found += long_lines(module)
        found += packed_assignments(module)
        found += conditionals_in_comprehensions(module)
        found += many_parameters(module, exported)
        found += first_lines(module)
        found += missing_tests(module, root / "tests")
    return found + list(shared_names(modules))


def main() -> None:
    """Check this repository and exit with 1 if a rule is broken."""
    found = check(Path(__file__).resolve().parents[1], sys.argv[1:])
    print("\n".join(found) or f"house: the rules hold; {len(NOT_YET)} rooms are exempt")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
