"""The part that is named layers or parameters."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import nn

from quickstudy.errors import require
from quickstudy.learners.parts.weights import HeadStart, WeightsPart
from quickstudy.models.protocol import traits


class Named(WeightsPart):
    """Adapt the parameters, or all parameters of the layers, that are named.

    Args:
        own: Names of layers or parameters, or patterns of names (``"blocks.*.bias"``); by default
            the names that the model gives as its ``own``.
        head_start: See :class:`~quickstudy.learners.parts.weights.WeightsPart`.

    Raises:
        UserError: If a name is not one of the model's, or none is given or known.
    """

    def __init__(self, own: Sequence[str] | None = None, head_start: HeadStart = "learned") -> None:
        super().__init__(head_start)
        self.own = own

    def names(self, model: nn.Module) -> tuple[str, ...]:
        """Return the names of the parameters that match."""
        chosen = traits(model).own if self.own is None else self.own
        names = [name for name, _ in model.named_parameters()]
        _check_chosen(chosen, names)
        return tuple(name for name in names if _is_chosen(name, chosen))


def _is_chosen(name: str, chosen: Sequence[str]) -> bool:
    return any(_lies_in(name, part) for part in chosen)


def _check_chosen(chosen: Sequence[str], names: list[str]) -> None:
    """Raise if nothing is chosen, or something that the model does not have."""
    require(
        bool(chosen),
        "Parameter `own` should name what is the task's own: this model does not say it.",
    )
    _check_in_model(chosen, names)


def _check_in_model(chosen: Sequence[str], names: list[str]) -> None:
    """Raise if a chosen name is none of ``names``."""
    missing = [part for part in chosen if not any(_lies_in(name, part) for name in names)]
    require(
        not missing,
        f"Parameter `own` should name layers or parameters of the model. Found {missing[:1]}, "
        f"not one of {names}.",
    )


def _lies_in(name: str, part: str) -> bool:
    return fnmatchcase(name, part) or fnmatchcase(name, f"{part}.*")


__all__ = ["Named"]
