"""``quickstudy train``."""

import dataclasses
import inspect
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import torch
import tyro
from rich.console import Console

from quickstudy.balance import Balancer, balancer_named, needs_fixed_tasks
from quickstudy.cli.options import Training, parse
from quickstudy.cli.recipes import recipe
from quickstudy.cli.runs import settings_of
from quickstudy.cli.sources import Settings, device, training_tasks, use_threads, validation_tasks
from quickstudy.errors import require
from quickstudy.learners import LEARNERS, Learner
from quickstudy.models import MLP, Conv4
from quickstudy.random import ambient
from quickstudy.tasks import TaskSource
from quickstudy.training import fit, load

FREE = {"resume", "out", "root", "cache", "device", "threads", "tensorboard", "checkpoint_seconds"}
"""Options that a resumed run may change."""
NOT_OPTIONS = ("self", "model", "pretraining_classes", "embedding_size", "feature_channels")


def main(arguments: Sequence[str]) -> int:
    """Meta-train a learner and say what comes next."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: quickstudy train LEARNER [OPTIONS]\n\nlearners: " + ", ".join(LEARNERS))
        print(
            "\n`quickstudy train LEARNER --help` lists the options of each, with defaults "
            "that suit it."
        )
        return 0 if arguments else 2
    name = arguments[0]
    require(
        name in LEARNERS, f"The learner should be one of {', '.join(LEARNERS)}. Found {name!r}."
    )
    options = _parse(name, arguments[1:])
    return train(name, _settings(name, options), shlex.join(["quickstudy", "train", *arguments]))


def train(name: str, settings: Settings, command: str, quiet: bool = False) -> int:
    """Train learner ``name`` as ``settings`` say."""
    use_threads(settings["threads"])
    where = device(settings["device"])
    recorded = {
        key: str(value) if isinstance(value, Path) else value for key, value in settings.items()
    }
    if settings["resume"]:
        _same_options(settings["out"], recorded)
    source = training_tasks(settings)
    learner = make_learner(name, settings, source)
    if settings["start_from"] is not None:
        _start_from(learner, settings["start_from"])
    learner.to(where)
    optimizer = _optimizer(learner, settings)
    single = name == "finetune" and settings["data"] != "sinusoid"
    fitted = fit(
        learner,
        source,
        settings["steps"],
        1 if single else settings["tasks_per_step"],
        settings["out"],
        optimizer=optimizer,
        scheduler=_scheduler(optimizer, settings),
        clip_gradient=settings["clip_gradient"],
        balancer=_balancer(settings["balancer"]),
        tasks_per_backward=settings["tasks_per_backward"],
        validation=validation_tasks(settings),
        validate_every=settings["validate_every"],
        validation_tasks=settings["validation_tasks"],
        seed=settings["seed"],
        compile=settings["compile"],
        resume=settings["resume"],
        checkpoint_seconds=settings["checkpoint_seconds"],
        tensorboard=settings["tensorboard"],
        progress=sys.stderr.isatty(),
        record={"command": command, "settings": recorded},
    )
    console = Console(stderr=True)
    if fitted.interrupted:
        again = command if "--resume" in command else f"{command} --resume"
        text = (
            f"Interrupted at step {fitted.step} of {settings['steps']}; all is saved. Go on "
            f"with:\n  {again}"
        )
        console.print(text, soft_wrap=True, highlight=False, markup=False)
        return 130
    if not quiet:
        console.print(
            f"Trained {fitted.step} steps in {fitted.seconds:.0f} s; the run is in "
            f"{settings['out']}. Next:\n"
            f"  quickstudy evaluate {settings['out']}\n  quickstudy report {settings['out']}",
            soft_wrap=True,
            highlight=False,
            markup=False,
        )
    return 0


def _start_from(learner: Learner, run: Path) -> None:
    other = load(run)
    shapes, found = (
        {key: value.shape for key, value in one.state_dict().items()} for one in (learner, other)
    )
    same = type(other) is type(learner) and shapes == found
    require(
        same,
        f"Option --start-from should name a run of the same learner and network. {run} holds "
        f"another {type(other).__name__}.",
    )
    learner.load_state_dict(other.state_dict())


def _same_options(out: Path, recorded: dict[str, Any]) -> None:
    """Refuse to resume the run in ``out`` with options that would make it another run.

    More steps are fine where the learning rate is constant.
    """
    if not ((out / "last.safetensors").exists() and (out / "run.json").exists()):
        return
    begun = settings_of(out)
    free = FREE | ({"steps"} if begun.get("schedule") == "constant" else set())
    for name, value in json.loads(json.dumps(recorded)).items():
        old = begun.get(name, value)
        flag = name if name == "learner" else f"--{name.replace('_', '-')}"
        same = name in free or value == old
        require(
            same,
            f"A resumed run should have the options it was begun with, {flag} {old}. Found "
            f"{flag} {value}.",
        )


def make_learner(name: str, settings: Settings, source: TaskSource) -> Learner:
    """The learner of ``settings`` with its initial weights."""
    for flag in ("channels", "last_channels"):
        count = settings[flag]
        require(
            count is None or count >= 1,
            f"Option --{flag.replace('_', '-')} should be at least 1. Found {count}.",
        )
    require(
        min(settings["hidden"], default=1) >= 1,
        f"Option --hidden should be at least 1 each. Found {settings['hidden']}.",
    )
    cls = LEARNERS[name]
    require(
        not cls.fixed_tasks,
        f"Learner {name} learns a part for each task of a fixed set; here tasks are drawn "
        "anew every step.",
    )
    scored = settings["way"] if source.target.way else source.target.scores
    gives = cls.model_for(source.target)
    outputs = scored if gives == "scores" else None
    model: torch.nn.Module
    if (settings["model"] or ("mlp" if settings["data"] == "sinusoid" else "conv4")) == "mlp":
        inputs = 1 if settings["data"] == "sinusoid" else 28 * 28
        model = MLP(
            inputs, outputs, tuple(settings["hidden"]), settings["init"], seed=settings["seed"]
        )
    else:
        require(
            settings["data"] != "sinusoid",
            "Option --model should be mlp for sinusoids. Found conv4.",
        )
        model = Conv4(
            outputs,
            settings["channels"],
            downsample=settings["downsample"],
            maps=gives == "maps",
            last_channels=settings["last_channels"],
            seed=settings["seed"],
        )
    names = [key for key in inspect.signature(cls.__init__).parameters if key not in NOT_OPTIONS]
    extra = (
        {"pretraining_classes": source.target.scores}
        if name == "finetune" and outputs is None
        else {}
    )
    # the initial weights of what a learner has beside the model
    with ambient(settings["seed"], "learner"):
        learner = cls(model, **{key: settings[key] for key in names}, **extra)
    reason = learner.serves(source.target)
    require(
        reason is None,
        f"Option --data should give tasks that {name} serves. Found {settings['data']}: {reason}",
    )
    return learner


def _optimizer(learner: Learner, settings: Settings) -> torch.optim.Optimizer:
    require(settings["lr"] > 0, f"Option --lr should be positive. Found {settings['lr']}.")
    parameters = [parameter for parameter in learner.parameters() if parameter.requires_grad]
    if settings["optimizer"] == "sgd":
        return torch.optim.SGD(parameters, lr=settings["lr"])
    return torch.optim.Adam(
        parameters, lr=settings["lr"], fused=parameters[0].device.type in ("cpu", "cuda")
    )


def _balancer(name: str) -> Balancer:
    refused = (
        f"Option --balancer: {name} learns or holds a weight for each task of a fixed set; here "
        "tasks are drawn anew every step."
    )
    require(not needs_fixed_tasks(name), refused)
    return balancer_named(name)


def _scheduler(
    optimizer: torch.optim.Optimizer, settings: Settings
) -> torch.optim.lr_scheduler.LRScheduler | None:
    if settings["schedule"] == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings["steps"])
    if settings["schedule"] == "linear":
        return torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, settings["steps"])
    return None


def options_of(name: str, data: str) -> Any:
    """The options of learner ``name`` as an instance of a dataclass: those of a run, and its constructor's, with the recipe's values."""
    cls = LEARNERS[name]
    hints = get_type_hints(cls.__init__)
    texts = _argument_texts(cls)
    parameters = [
        value
        for key, value in inspect.signature(cls.__init__).parameters.items()
        if key not in NOT_OPTIONS
    ]
    fields = [
        (
            value.name,
            Annotated[hints[value.name], tyro.conf.arg(help=texts.get(value.name, ""))],
            dataclasses.field(default=value.default),
        )
        for value in parameters
    ]
    kind = dataclasses.make_dataclass(
        f"{cls.__name__}Options", fields, bases=(Training,), frozen=True
    )
    return kind(**{"data": data, **recipe(name, data)})


def _argument_texts(cls: type) -> dict[str, str]:
    from docstring_parser import parse as parse_docstring

    return {
        entry.arg_name: (entry.description or "").replace("\n", " ")
        for entry in parse_docstring(cls.__doc__ or "").params
    }


def _parse(name: str, arguments: Sequence[str]) -> Any:
    given = [
        value
        for flag, value in zip(arguments, [*arguments[1:], ""], strict=True)
        if flag == "--data"
    ]
    given += [
        argument.removeprefix("--data=") for argument in arguments if argument.startswith("--data=")
    ]
    default = options_of(
        name, given[0] if given and given[0] in ("omniglot", "sinusoid") else "glyphs"
    )
    text = (LEARNERS[name].__doc__ or "").split("\n")[0]
    return parse(type(default), arguments, f"train {name}", text, default)


def _settings(name: str, options: Any) -> Settings:
    return {"learner": name, **dataclasses.asdict(options)}
