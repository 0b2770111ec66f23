"""Makes the learner, with its network, for the tasks of the training."""

import inspect
from typing import Any

from torch import Tensor, nn

from quickstudy.cli import catalog
from quickstudy.cli.asked import Asked
from quickstudy.errors import require
from quickstudy.learners import Learner
from quickstudy.models import make_model
from quickstudy.models.protocol import Gives
from quickstudy.names import imported
from quickstudy.random import Moment, ambient
from quickstudy.targets import Several, Target
from quickstudy.tasks import FixedTasks, TaskSource
from quickstudy.training import load


def make_learner(asked: Asked, source: TaskSource) -> Learner:
    """Make the learner with its initial weights, for the tasks of ``source``.

    Raises:
        UserError: If the learner cannot serve these tasks, or the network does not fit.
    """
    cls = learner_class(asked.choice.learner)
    _check_fixed(asked, cls, source)
    model = _make_model(asked, cls, source)
    decided = _decided(asked, cls, source)
    # the initial weights of the learner's modules beside the model
    with ambient(asked["seed"], "learner"):
        learner = cls(model, **decided, **asked.of("learner"))
    _check_served(asked, learner, source)
    return learner


def _check_served(asked: Asked, learner: Learner, source: TaskSource) -> None:
    """Raise if the learner cannot serve the tasks."""
    reason = learner.serves(source.target)
    require(
        reason is None,
        f"Option --data should give tasks that {asked.choice.learner} serves. Found "
        f"{asked.choice.data}: {reason}",
    )


def learner_class(name: str) -> type[Learner]:
    """Import the learner of a name, or of the path of a user's class.

    Raises:
        UserError: If it is not a learner.
    """
    found = imported(catalog.place_of("learners", name))
    good = inspect.isclass(found) and issubclass(found, Learner)
    require(good, f"{name} should be a learner, a subclass of qs.Learner. It is not.")
    cls: type[Learner] = found
    return cls


def _check_fixed(asked: Asked, cls: type[Learner], source: TaskSource) -> None:
    """Raise if a learner that learns a part for each task gets tasks that are drawn anew."""
    require(
        not cls.fixed_tasks or isinstance(source, FixedTasks),
        f"Option --data should give a fixed set of tasks, a table with --task: "
        f"{asked.choice.learner} learns a part for each. Found {asked.choice.data}.",
    )


def _num_outputs(asked: Asked, target: Target) -> int:
    """Count the scores of the network: in training, tasks may have fewer classes."""
    if not target.way:
        return target.scores
    return asked.of("task").get("way") or target.way


def _decided(asked: Asked, cls: type[Learner], source: TaskSource) -> dict[str, Any]:
    """Give the parameters of the learner that the tasks decide, as far as it has them."""
    target = source.target
    compares = cls.model_for(target) != "scores"
    values: dict[str, Any] = {
        "way": _num_outputs(asked, target),
        "seed": asked["seed"],
        "num_tasks": num_identities(source),
        "targets": _targets(cls, target),
        "pretraining_classes": target.scores if compares else None,
    }
    known = inspect.signature(cls).parameters
    return {name: value for name, value in values.items() if name in known}


def num_identities(source: TaskSource) -> int | None:
    """Count the identities of a fixed set of tasks: a split keeps the identities of the whole."""
    if not isinstance(source, FixedTasks):
        return None
    whole = source.draw(range(source.num_tasks), Moment(0, "identities").generator())
    return int(whole.task.max()) + 1


def _targets(cls: type[Learner], target: Target) -> Any:
    """Give the parameter ``targets`` of a prior: the number of targets, or the kind of each."""
    parameter = inspect.signature(cls).parameters.get("targets")
    if parameter is None or not isinstance(parameter.default, tuple):
        return target.scores
    return target.targets if isinstance(target, Several) else (0,) * target.scores


def _make_model(asked: Asked, cls: type[Learner], source: TaskSource) -> nn.Module:
    """Make the network for the learner and for examples like the examples of ``source``."""
    target = source.target
    gives = _output(cls, target)
    x = _example(asked, source)
    return make_model(
        asked.choice.network or _usual_network(x, gives),
        tuple(x.shape),
        _num_outputs(asked, target) if cls.model_for(target) == "scores" else None,
        gives,
        seed=asked["seed"],
        weights=asked["weights"],
        frozen=asked["frozen"],
        **asked.of("model"),
    )


def _output(cls: type[Learner], target: Target) -> Gives:
    """Give the kind of output of the network: embeddings, scores, or scores of every pixel."""
    gives = cls.model_for(target)
    return "dense_scores" if gives == "scores" and target.dense else gives


def _example(asked: Asked, source: TaskSource) -> Tensor:
    """Draw an example ``[*feature]`` of a task."""
    return source.sample(1, Moment(asked["seed"], "shape")).query.x[0, 0]


def _usual_network(x: Tensor, gives: Gives) -> str:
    """Name the usual network for examples as ``x``."""
    if x.ndim != 3:
        return "mlp"
    return "unet" if gives == "dense_scores" else "conv4"


def start_from(learner: Learner, asked: Asked) -> None:
    """Give ``learner`` the weights of another run, if one is named.

    Raises:
        UserError: If that run has another learner or network.
    """
    run = asked["start_from"]
    if run is None:
        return
    other = load(run, classes=asked["classes"])
    require(
        type(other) is type(learner) and _shapes(other) == _shapes(learner),
        f"Option --start-from should name a run of the same learner and network. {run} holds "
        f"another {type(other).__name__}.",
    )
    learner.load_state_dict(other.state_dict())


def _shapes(learner: Learner) -> dict[str, tuple[int, ...]]:
    """Give the shapes of the saved tensors of a learner."""
    return {name: tuple(value.shape) for name, value in learner.state_dict().items()}


__all__ = ["learner_class", "make_learner", "num_identities", "start_from"]
