"""What a learner was made of, in plain values, so that it can be made again without running stored code."""

import inspect
from typing import Any

from torch import nn

from quickstudy.errors import require
from quickstudy.learners import LEARNERS, Learner
from quickstudy.models import MODELS

Spec = dict[str, Any]


def arguments(thing: object) -> dict[str, Any]:
    """The constructor's arguments of ``thing``, read off its attributes of the same names."""
    names = inspect.signature(type(thing).__init__).parameters
    return {name: getattr(thing, name) for name in list(names)[1:]}


def spec_of(learner: Learner) -> Spec:
    """The spec of a learner: its name, its arguments, and the same of its model.

    A model that is not one of :data:`quickstudy.models.MODELS` is recorded by its class's name
    alone; loading it needs the module from its user.
    """
    names = {cls: name for name, cls in LEARNERS.items()}
    require(type(learner) in names, f"A learner should be one of {', '.join(LEARNERS)} to be saved. Found {type(learner).__name__}.")
    values = arguments(learner)
    model = values.pop("model")
    model_names = {cls: name for name, cls in MODELS.items()}
    known = type(model) in model_names
    return {
        "learner": names[type(learner)],
        "arguments": values,
        "model": model_names[type(model)] if known else None,
        "model_class": type(model).__qualname__,
        "model_arguments": arguments(model) if known else {},
        "frozen": [name for name, parameter in learner.named_parameters() if not parameter.requires_grad],
    }


def build(spec: Spec, model: nn.Module | None = None) -> Learner:
    """The learner of ``spec`` with its initial weights.

    Args:
        spec: What :func:`spec_of` gave.
        model: The user's own module, where the spec's model is not one of the library's.

    Raises:
        UserError: If the spec needs the user's module and none is given, or names what is not known.
    """
    if model is None:
        require(
            spec["model"] is not None,
            f"This learner holds a module of your own ({spec['model_class']}): pass it as `model=` to load it.",
        )
        require(spec["model"] in MODELS, f"Model {spec['model']!r} is not known here: it was saved by another version.")
        options = {name: tuple(value) if isinstance(value, list) else value for name, value in spec["model_arguments"].items()}
        model = MODELS[spec["model"]](**options)
    require(spec["learner"] in LEARNERS, f"Learner {spec['learner']!r} is not known here: it was saved by another version.")
    learner = LEARNERS[spec["learner"]](model, **spec["arguments"])
    for name, parameter in learner.named_parameters():
        parameter.requires_grad_(name not in spec["frozen"])
    return learner
