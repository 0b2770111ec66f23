"""The request for a training: a choice and the values of its options."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from quickstudy.cli import catalog
from quickstudy.cli.choice import Choice
from quickstudy.cli.parsing import values_of, with_defaults
from quickstudy.cli.words import last_value, modern


@dataclass(frozen=True)
class Asked:
    """A choice and the values of its options.

    Attributes:
        choice: The choice.
        values: The value of every option by name.
        given: The names of the options that were given.
    """

    choice: Choice
    values: dict[str, Any]
    given: frozenset[str] = field(default_factory=frozenset)

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def of(self, owner: str) -> dict[str, Any]:
        """Give the values of the options of ``owner`` by the names of its parameters."""
        return {option.target: self.values[option.name] for option in self.choice.owned(owner)}

    def with_way(self, way: int) -> "Asked":
        """Give the same request with another way, as if that way had been given."""
        return replace(self, values=self.values | {"way": way}, given=self.given | {"way"})

    @property
    def settings(self) -> dict[str, Any]:
        """All values, as recorded in ``run.json``."""
        choice = self.choice
        values = {name: _plain(value) for name, value in self.values.items()}
        named = {"learner": choice.learner, "data": choice.data}
        return named | values | {"model": choice.network}


def _plain(value: Any) -> Any:
    """Give a path as text, and other values unchanged."""
    return str(value) if isinstance(value, Path) else value


def asked(learner: str, arguments: Sequence[str]) -> Asked:
    """Read the options of ``train LEARNER``.

    Raises:
        UserError: In one line, if something is unknown or wrong.
    """
    words, command = modern(arguments), f"train {learner}"
    choice = choice_of(learner, words)
    given = values_of(choice.options, words, command)
    return Asked(choice, with_defaults(choice.options, given, command), frozenset(given))


def choice_of(learner: str, arguments: Sequence[str]) -> Choice:
    """Find the learner, the data and the network among ``arguments``.

    Raises:
        UserError: If one of them is unknown.
    """
    _check_learner(learner)
    data = last_value(arguments, "--data") or "glyphs"
    columns = last_value(arguments, "--task") is not None
    choice = Choice(learner, data, last_value(arguments, "--model"), columns)
    if choice.network is not None:
        catalog.place_of("models", choice.network)
    return choice


def _check_learner(name: str) -> None:
    """Raise if a learner is unknown, or a user's class is not a learner."""
    if catalog.place_of("learners", name) == name:
        from quickstudy.cli.making import learner_class

        learner_class(name)


__all__ = ["Asked", "asked", "choice_of"]
