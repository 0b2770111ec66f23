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

    A model that is not one of :data:`quickstudy.models.MODELS`, or is made of one that is not, is
    recorded by its class's name alone; loading it needs the module from its user."""
    names = {cls: name for name, cls in LEARNERS.items()}
    require(
        type(learner) in names,
        f"A learner should be one of {', '.join(LEARNERS)} to be saved. Found "
        f"{type(learner).__name__}.",
    )
    values = arguments(learner)
    model = _model_spec(values.pop("model"))
    return {
        "learner": names[type(learner)],
        "arguments": values,
        **model,
        "frozen": [
            name for name, parameter in learner.named_parameters() if not parameter.requires_grad
        ],
    }


def _model_spec(model: nn.Module) -> Spec:
    """Name, class and arguments of a model; those among its arguments that are models, as trunks are, likewise."""
    names, kind = {cls: name for name, cls in MODELS.items()}, type(model)
    values = arguments(model) if kind in names else {}
    values = {
        name: _model_spec(value) if isinstance(value, nn.Module) else value
        for name, value in values.items()
    }
    others = [
        value["model_class"]
        for value in values.values()
        if isinstance(value, dict) and value["model"] is None
    ]
    if kind in names and not others:
        return {"model": names[kind], "model_class": kind.__qualname__, "model_arguments": values}
    return {
        "model": None,
        "model_class": " of ".join([kind.__qualname__, *others]),
        "model_arguments": {},
    }


def build(spec: Spec, model: nn.Module | None = None) -> Learner:
    """The learner of ``spec`` with its initial weights.

    Args:
        spec: What :func:`spec_of` gave.
        model: The user's own module, where the spec's model is not one of the library's.

    Raises:
        UserError: If the spec needs the user's module and none is given, or names what is not
            known.
    """
    if model is None:
        require(
            spec["model"] is not None,
            f"This learner holds a module of your own ({spec['model_class']}): pass it as "
            "`model=` to load it.",
        )
        model = _make(spec)
    require(
        spec["learner"] in LEARNERS,
        f"Learner {spec['learner']!r} is not known here: it was saved by another version.",
    )
    learner = LEARNERS[spec["learner"]](model, **spec["arguments"])
    for name, parameter in learner.named_parameters():
        parameter.requires_grad_(name not in spec["frozen"])
    return learner


def _make(spec: Spec) -> nn.Module:
    """The model of ``spec``, and those it is made of."""
    require(
        spec["model"] in MODELS,
        f"Model {spec['model']!r} is not known here: it was saved by another version.",
    )

    def made(value: Any) -> Any:
        return (
            _make(value)
            if isinstance(value, dict)
            else tuple(value)
            if isinstance(value, list)
            else value
        )

    return MODELS[spec["model"]](
        **{name: made(value) for name, value in spec["model_arguments"].items()}
    )
