"""A model by its name, of the size of the data."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from quickstudy.describe import Arguments
from quickstudy.errors import UserError, first_line, require
from quickstudy.models.frozen import Frozen
from quickstudy.models.protocol import Gives, Traits, traits
from quickstudy.models.registry import Factory, model_factory
from quickstudy.models.request import BELOW, OUTPUTS, Request
from quickstudy.models.weights import load_weights
from quickstudy.models.with_head import WithHead
from quickstudy.random import ambient

Parameters = Mapping[str, inspect.Parameter]
"""The parameters of a constructor by name."""

LENGTHS = {"embeddings": "embedding_size", "maps": "feature_channels"}
"""The attribute for the length of an output, which is set on a model that does not say it."""

NUM_EXAMPLES = 2
"""The number of examples of a trial; with two, a model that mixes up its axes is noticed."""


def make_model(
    name: str,
    example: Sequence[int] | Tensor,
    outputs: int | None = None,
    gives: Gives = "scores",
    *,
    seed: int = 0,
    weights: Path | str | None = None,
    frozen: bool = False,
    **options: Any,
) -> nn.Module:
    """Make the model ``name`` for examples like ``example``, and try it on them.

    Parameters of the constructor are filled if it has them: ``in_channels`` (``in_chans``),
    ``image_size`` (``img_size``, of square images) and ``inputs`` (``in_features``) from the
    example; ``way``, ``outputs``, ``num_classes`` or ``out_features`` from ``outputs``, which are
    None (0 for ``num_classes``) if no scores are asked for; ``maps``; ``seed``. A ``trunk`` that
    the constructor needs may be given by name; by default it is a ``conv4`` for images and an
    ``mlp`` for other examples.

    If scores are asked for, a network that is frozen, or that says it gives embeddings (or maps),
    gets a head, see :class:`~quickstudy.models.WithHead`. A network that does not say its
    ``embedding_size`` or ``feature_channels`` gets the number that was found.

    Args:
        name: A name of :data:`~quickstudy.models.MODELS`, an import path ``package.module:Class``
            (the current folder is searched too), or a name of timm, if it is installed. An import
            path is code that is run.
        example: The shape of an example (without the example axis), or an example.
        outputs: Number of classes or targets, for scores.
        gives: The output to make: ``"scores"``, ``"embeddings"``, ``"maps"`` or ``"dense_scores"``,
            see :data:`quickstudy.models.protocol.Gives`.
        seed: Seed of the initial weights.
        weights: A file of weights, see :func:`quickstudy.models.weights.load_weights`. The head
            may be new.
        frozen: Whether all but the head stays as it is, see :class:`~quickstudy.models.Frozen`.
        **options: Further arguments of the constructor, which replace filled ones.

    Raises:
        UserError: If there is no such model or option, or the model's input or output does not fit.

    Example:
        >>> import quickstudy as qs
        >>> model = qs.models.make_model("resnet12", (3, 84, 84), 5, widths=(4, 8, 8, 16))
        >>> model.way, model.in_channels, model.image_size
        (5, 3, 84)
    """
    x = _batch(example)
    asked = Request(name, tuple(x.shape[1:]), outputs, gives, seed)
    asked.check()
    made, model = _make(asked, x, frozen, options)
    if weights is not None:
        load_weights(model, weights, new_head=made.is_scores)
    model = Frozen(model) if frozen else model
    return _with_head(model, asked, x) if made.gives != gives else model


def _make(
    asked: Request, x: Tensor, headless: bool, options: Arguments
) -> tuple[Request, nn.Module]:
    """Make the network, without a head if asked to; give the request that it fulfils, too."""
    factory = model_factory(asked.name)
    asked.check_said(_said_by(factory))
    made = asked.below if headless or asked.exceeds(_said_by(factory)) else asked
    model, output = _build_and_try(factory, made, x, options)
    made = made.below if _is_backbone(factory, model, made) else made
    made.check_output(output, len(x))
    _tell_length(model, made.gives, output)
    return made, model


def _build_and_try(
    factory: Factory, asked: Request, x: Tensor, options: Arguments
) -> tuple[nn.Module, Any]:
    """Build the network and give its output for ``x``; both draw by the seed of the request."""
    with ambient(asked.seed, "model"):
        model = _build(factory, asked, options)
        return model, _try(model, x, asked.name)


def _batch(example: Sequence[int] | Tensor) -> Tensor:
    """Make a batch of the example, or of zeros of its shape."""
    if isinstance(example, Tensor):
        return example.expand(NUM_EXAMPLES, *example.shape)
    return torch.zeros(NUM_EXAMPLES, *example)


def _said_by(factory: Factory) -> Traits:
    """Read the traits of a class of modules; a function has none."""
    if isinstance(factory, type) and issubclass(factory, nn.Module):
        return traits(factory)
    return Traits()


def _build(factory: Factory, asked: Request, options: Arguments) -> nn.Module:
    """Call ``factory`` with the arguments that it has."""
    parameters = inspect.signature(factory).parameters
    arguments = _arguments(parameters, asked, options)
    _check_required(asked.name, parameters, arguments)
    _check_known(asked.name, parameters, arguments)
    model = _call(factory, asked.name, arguments)
    asked.check_said(traits(model))
    return model


def _arguments(parameters: Parameters, asked: Request, options: Arguments) -> dict[str, Any]:
    """Give the arguments that a constructor has, from the request and then from the ``options``."""
    arguments = {key: value for key, value in asked.arguments().items() if key in parameters}
    arguments |= options
    if "trunk" in _required(parameters):
        arguments["trunk"] = _trunk(options.get("trunk"), asked)
    return arguments


def _required(parameters: Parameters) -> list[str]:
    """Name the parameters that need a value."""
    return [name for name, parameter in parameters.items() if _needs_value(parameter)]


def _needs_value(parameter: inspect.Parameter) -> bool:
    several = (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    return parameter.default is parameter.empty and parameter.kind not in several


def _trunk(given: Any, asked: Request) -> Any:
    """Make the trunk of a model, unless it is given as a module."""
    if given is not None and not isinstance(given, str):
        return given
    name = given or asked.trunk_name
    return make_model(name, asked.shape, gives=asked.trunk_gives, seed=asked.seed)


def _check_required(name: str, parameters: Parameters, arguments: Arguments) -> None:
    """Raise if there is no argument for a parameter that needs one."""
    missing = [key for key in _required(parameters) if key not in arguments]
    require(not missing, f"Model {name} needs a value for {', '.join(missing)}. Found none.")


def _check_known(name: str, parameters: Parameters, arguments: Arguments) -> None:
    """Raise if there is an argument that the constructor does not have."""
    unknown = [key for key in arguments if key not in parameters]
    require(
        not unknown or _takes_any(parameters),
        f"Options of model {name} should be among {', '.join(parameters)}. Found "
        f"{', '.join(unknown)}.",
    )


def _takes_any(parameters: Parameters) -> bool:
    """Say whether a constructor takes arguments of any name."""
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())


def _call(factory: Factory, name: str, arguments: dict[str, Any]) -> nn.Module:
    """Call ``factory``; an error that it raises names the arguments."""
    try:
        model = factory(**arguments)
    except UserError:
        raise
    except (RuntimeError, TypeError, ValueError) as error:
        raise UserError(
            f"Model {name} cannot be made with {arguments}: {first_line(error)}"
        ) from error
    _check_is_module(name, model)
    return model


def _check_is_module(name: str, made: object) -> None:
    """Raise unless the object that was made is a module."""
    found = type(made).__name__
    require(isinstance(made, nn.Module), f"Model {name} should be an nn.Module. Found {found}.")


def _try(model: nn.Module, x: Tensor, name: str) -> Any:
    """Give the output for ``x`` in evaluation mode; an error that is raised names the model."""
    try:
        with torch.no_grad(), _evaluating(model):
            return model(x)
    except UserError:
        raise
    except (IndexError, RuntimeError, TypeError, ValueError) as error:
        raise UserError(
            f"Parameter `model` should take examples of shape {list(x.shape[1:])}. Found {name}, "
            f"which fails on them: {first_line(error)}"
        ) from error


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Put ``model`` into evaluation mode inside; then the modes of all parts are put back."""
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


def _is_backbone(factory: Factory, model: nn.Module, asked: Request) -> bool:
    """Say whether scores are asked of a network that says it gives embeddings (or maps)."""
    if not asked.is_scores or _is_told_outputs(factory):
        return False
    return _gives_below(traits(model), asked.gives)


def _is_told_outputs(factory: Factory) -> bool:
    """Say whether the constructor has a parameter for the number of scores."""
    return not inspect.signature(factory).parameters.keys().isdisjoint(OUTPUTS)


def _gives_below(said: Traits, gives: Gives) -> bool:
    """Say whether a network declares that it gives embeddings (or maps)."""
    if said.gives is not None:
        return said.gives == BELOW[gives]
    size = said.embedding_size if gives == "scores" else said.feature_channels
    return size is not None


def _tell_length(model: nn.Module, gives: Gives, output: Tensor) -> None:
    """Tell the model the length of its output, if it does not say it."""
    name = LENGTHS.get(gives)
    if name is not None and getattr(traits(model), name) is None:
        setattr(model, name, _length(gives, output))


def _length(gives: Gives, output: Tensor) -> int:
    """Give the length of a flattened embedding, or the number of channels."""
    return output[0].numel() if gives == "embeddings" else output.shape[1]


def _with_head(trunk: nn.Module, asked: Request, x: Tensor) -> nn.Module:
    """Put a head on ``trunk``."""
    dense = asked.gives == "dense_scores"
    model = WithHead(trunk, asked.num_scores, dense, seed=asked.seed)
    asked.check_output(_try(model, x, asked.name), len(x))
    return model


__all__ = ["make_model"]
