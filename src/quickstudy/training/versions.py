"""Checkpoints of earlier versions, in the terms of this version."""

from typing import Any

from torch import Tensor

from quickstudy.errors import UserError
from quickstudy.learners import LEARNERS
from quickstudy.models import MODELS

FORMAT = "quickstudy 2"
"""The format that the header of a file states if this version wrote it."""
FIRST = "quickstudy 1"
"""Version 0.1.0: a learner and its model are named by their names on the command line."""
LATER = ("noise_shape",)
"""Buffers added after version 0.1.0: in a file without them they have their first value."""


def upgraded(details: dict[str, Any], format_: str) -> dict[str, Any]:
    """Give the ``details`` of a file in the terms of this version.

    Raises:
        UserError: If they name a learner or model that no longer exists.
    """
    if format_ != FIRST or "spec" not in details:
        return details
    kept = {name: value for name, value in details.items() if name != "spec"}
    try:
        return kept | _described(details["spec"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"A checkpoint of version 0.1.0 should name its learner and model. It is damaged: "
            f"{error!r}."
        ) from error


def _described(spec: dict[str, Any]) -> dict[str, Any]:
    """Describe a learner of version 0.1.0, and list its frozen parameters."""
    model, arguments = _model(spec), dict(spec["arguments"])
    learner = {"class": _named(LEARNERS, spec["learner"]), "model": model, **arguments}
    return {"learner": learner, "frozen": list(spec["frozen"])}


def with_later(weights: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Add the buffers that came later to the ``weights`` of a file that lacks them.

    Args:
        weights: The tensors of the file by their names.
        own: The tensors of a learner that was just made.
    """
    lacking = [name for name in own if name.split(".")[-1] in LATER and name not in weights]
    return weights | {name: own[name] for name in lacking}


def _model(spec: dict[str, Any]) -> dict[str, Any]:
    """Describe a model of version 0.1.0, and the models that it is made of."""
    if spec["model"] is None:
        return {"opaque": spec["model_class"]}
    arguments = {name: _argument(value) for name, value in spec["model_arguments"].items()}
    return {"class": _named(MODELS, spec["model"]), **arguments}


def _argument(value: Any) -> Any:
    """Describe an argument of a model, which may be a model too."""
    return _model(value) if isinstance(value, dict) else value


def _named(table: Any, name: str) -> str:
    if name not in table:
        raise UserError(f"{name!r} is not known here: it was saved by another version.")
    return str(table[name].__name__)


__all__ = ["FIRST", "FORMAT", "LATER", "upgraded", "with_later"]
