"""From what was asked for to the data, the learner and what trains it."""

import inspect
from pathlib import Path
from typing import Any

import torch
from torch import nn

from quickstudy.balance import Balancer, balancer_named, parameters_of
from quickstudy.cli import catalog
from quickstudy.cli.choice import Asked
from quickstudy.describe import imported
from quickstudy.errors import require
from quickstudy.learners import Learner
from quickstudy.models import make_model
from quickstudy.random import Moment, ambient
from quickstudy.targets import Several, Target
from quickstudy.tasks import Data, FixedTasks, TaskSource, source_class
from quickstudy.tasks.registry import make
from quickstudy.training import load


def open_data(asked: Asked) -> Data:
    """Open the data that was asked for."""
    kind, decided = source_class(asked.choice.data)
    given = {name: value for name, value in asked.of("data").items() if value is not None}
    return make(kind, {**decided, **given})


def training_tasks(asked: Asked, data: Data) -> TaskSource:
    """Make the tasks to train on.

    Raises:
        UserError: If the data has no such tasks.
    """
    pool: Any = data.split("train")
    pretrains = (
        "pretraining_classes" in inspect.signature(learner_class(asked.choice.learner)).parameters
    )
    if pretrains and hasattr(pool, "supervised"):
        batches: TaskSource = pool.supervised(asked["tasks_per_step"])
        return batches
    options = _task_options(asked, pool)
    way = options.get("way")
    train_way = asked.values.get("train_way")
    require(
        train_way is None or way is None or train_way <= way,
        f"Option --train-way should be at most --way, {way}. Found {train_way}.",
    )
    return data.tasks("train", **options | ({} if train_way is None else {"way": train_way}))


def validation_tasks(asked: Asked, data: Data) -> TaskSource | None:
    """Make the tasks to validate on: as in training, of at most 20 ways and 5 shots."""
    if "validation" not in data.split_names:
        return None
    options = _task_options(asked, data.split("validation"))
    return data.validation(**{name: options[name] for name in ("way", "shot") if name in options})


def _task_options(asked: Asked, pool: Any) -> dict[str, Any]:
    """The options of tasks: all that were given, and the defaults of those that the pool has."""
    known = inspect.signature(pool.episodes).parameters
    options = asked.of("task")
    options.pop("train_way", None)
    return {name: one for name, one in options.items() if name in known or name in asked.given}


def make_learner(asked: Asked, source: TaskSource) -> Learner:
    """Make the learner with its initial weights, for the tasks of ``source``.

    Raises:
        UserError: If the learner cannot serve these tasks, or the network does not fit.
    """
    cls = learner_class(asked.choice.learner)
    _check_fixed(asked, cls, source)
    target = source.target
    count = (asked.values.get("way") or target.way) if target.way else target.scores
    gives = cls.model_for(target)
    scored = gives == "scores"
    output = "dense_scores" if scored and target.dense else gives
    model = _make_model(asked, source, count if scored else None, output)
    filled: dict[str, Any] = {
        "way": count,
        "seed": asked["seed"],
        "num_tasks": _num_tasks(source),
        "targets": _targets(cls, target),
        "pretraining_classes": None if gives == "scores" else target.scores,
    }
    known = inspect.signature(cls).parameters
    own = {name: value for name, value in filled.items() if name in known}
    # the initial weights of what a learner has beside the model
    with ambient(asked["seed"], "learner"):
        learner = cls(model, **own, **asked.of("learner"))
    reason = learner.serves(target)
    require(
        reason is None,
        f"Option --data should give tasks that {asked.choice.learner} serves. Found "
        f"{asked.choice.data}: {reason}",
    )
    return learner


def learner_class(name: str) -> type[Learner]:
    """Import the learner of a name, or of the path of a user's class.

    Raises:
        UserError: If it is no learner.
    """
    found = imported(catalog.path_of("learners", name))
    good = inspect.isclass(found) and issubclass(found, Learner)
    require(good, f"{name} should be a learner, a subclass of qs.Learner. It is not.")
    cls: type[Learner] = found
    return cls


def _num_tasks(source: TaskSource) -> int | None:
    """How many identities the tasks of a fixed set have: a split keeps those of the whole."""
    if not isinstance(source, FixedTasks):
        return None
    whole = source.draw(range(source.num_tasks), Moment(0, "identities").generator())
    return int(whole.task.max()) + 1


def _targets(cls: type[Learner], target: Target) -> Any:
    """The parameter ``targets`` of a prior: how many numbers, or what each target is."""
    parameter = inspect.signature(cls).parameters.get("targets")
    several = parameter is not None and isinstance(parameter.default, tuple)
    if not several:
        return target.scores
    return target.targets if isinstance(target, Several) else (0,) * target.scores


def _check_fixed(asked: Asked, cls: type[Learner], source: TaskSource) -> None:
    require(
        not cls.fixed_tasks or isinstance(source, FixedTasks),
        f"Option --data should give a fixed set of tasks, a table with --task: "
        f"{asked.choice.learner} learns a part for each. Found {asked.choice.data}.",
    )


def _make_model(asked: Asked, source: TaskSource, outputs: int | None, gives: Any) -> nn.Module:
    """Make the network for examples as those of ``source``."""
    shape = source.sample(1, Moment(asked["seed"], "shape")).query.x.shape[2:]
    of_images = "unet" if gives == "dense_scores" else "conv4"
    usual = of_images if len(shape) == 3 else "mlp"
    return make_model(
        asked.choice.network or usual,
        tuple(shape),
        outputs,
        gives,
        seed=asked["seed"],
        weights=asked["weights"],
        frozen=asked["frozen"],
        **asked.of("model"),
    )


def start_from(learner: Learner, run: Path, classes: tuple[str, ...]) -> None:
    """Give ``learner`` the weights of another run.

    Raises:
        UserError: If that is one of another learner or network.
    """
    other = load(run, classes=classes)
    states = [one.state_dict() for one in (learner, other)]
    shapes, found = [{key: value.shape for key, value in one.items()} for one in states]
    require(
        type(other) is type(learner) and shapes == found,
        f"Option --start-from should name a run of the same learner and network. {run} holds "
        f"another {type(other).__name__}.",
    )
    learner.load_state_dict(other.state_dict())


def make_balancer(asked: Asked, source: TaskSource) -> Balancer:
    """Make the balancer, for the tasks of a fixed set if it needs one."""
    name = asked["balancer"]
    return balancer_named(name, _num_tasks(source) if catalog.balancers()[name] else None)


def make_optimizer(asked: Asked, learner: Learner, balancer: Balancer) -> torch.optim.Optimizer:
    """Make the outer optimiser.

    Raises:
        UserError: If the learning rate is not positive, or nothing is to be trained.
    """
    rate = asked["lr"]
    require(rate > 0, f"Option --lr should be positive. Found {rate}.")
    parameters = [parameter for parameter in learner.parameters() if parameter.requires_grad]
    require(bool(parameters), "The learner should have parameters to train. Found none.")
    learned = [*parameters, *parameters_of(balancer).values()]
    if asked["optimizer"] == "sgd":
        return torch.optim.SGD(learned, lr=rate)
    return torch.optim.Adam(learned, lr=rate, fused=parameters[0].device.type in ("cpu", "cuda"))


def make_scheduler(
    asked: Asked, optimizer: torch.optim.Optimizer
) -> torch.optim.lr_scheduler.LRScheduler | None:
    """Make what lowers the learning rate."""
    steps = asked["steps"]
    if asked["schedule"] == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    if asked["schedule"] == "linear":
        return torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    return None


__all__ = [
    "make_balancer",
    "make_learner",
    "make_optimizer",
    "make_scheduler",
    "open_data",
    "start_from",
    "training_tasks",
    "validation_tasks",
]
