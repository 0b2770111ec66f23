"""``quickstudy train``."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quickstudy.cli import catalog
from quickstudy.cli.choice import Asked, asked, choice_of, modern
from quickstudy.cli.console import say
from quickstudy.cli.folders import latest, link_latest, new_folder
from quickstudy.cli.help import filled, listed, page
from quickstudy.cli.interrupt import CODE, loading
from quickstudy.cli.options import asks_for_help
from quickstudy.cli.reader import parameters, summary
from quickstudy.cli.recipes import families
from quickstudy.errors import UserError, require

FREE = {
    *("resume", "out", "root", "cache", "device", "threads", "tensorboard", "checkpoint_seconds"),
    "classes",
}
"""Options that a resumed run may change."""
SAME = (
    *("clip_gradient", "tasks_per_backward", "validate_every", "validation_tasks", "seed"),
    *("compile", "resume", "checkpoint_seconds", "tensorboard"),
)
"""Options that are arguments of :func:`~quickstudy.train` under the same name."""
START = (
    "Start with protonet for classes and maml for numbers; every learner has good options for "
    "letters and, if it predicts numbers, for sinusoids:"
)
EXAMPLES = (
    "quickstudy train protonet --data glyphs",
    "quickstudy train maml --data sinusoid",
    "quickstudy train protonet --data my_pictures --size 64 --channels 3",
    "quickstudy train hard_sharing --data shops.csv --task shop --target sold",
)


def main(arguments: Sequence[str]) -> int:
    """Meta-train a learner and say what comes next."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(overview())
        return 0 if arguments else 2
    name, *others = arguments
    if asks_for_help(others):
        print(help_of(name, others))
        return 0
    return train(checked(name, others), shlex.join(["quickstudy", "train", *arguments]))


def checked(name: str, arguments: Sequence[str]) -> Asked:
    """Read the options, and refuse what cannot be without loading torch.

    Raises:
        UserError: In one line, if something is unknown or wrong.
    """
    found = asked(name, arguments)
    choice = found.choice
    fixed = any(one.name == "num_tasks" for one in parameters(catalog.path_of("learners", name)))
    require(
        not fixed or choice.fixed_tasks or catalog.OWN.fullmatch(choice.data) is not None,
        f"Learner {name} learns a part for each task of a fixed set: give a table, --data "
        f"table.csv --task COLUMN. Found --data {choice.data}, whose tasks are drawn anew.",
    )
    for option in choice.options:
        counted = option.name in ("channels", "last_channels", "hidden", "threads")
        numbers = found[option.name] if option.kind.size is not None else [found[option.name]]
        require(
            not counted or all(number is None or number >= 1 for number in numbers),
            f"Option {option.flag} should be at least 1. Found {found[option.name]}.",
        )
    return found


def train(found: Asked, command: str, quiet: bool = False) -> int:
    """Train as asked for; ``command`` is told again to go on with an interrupted run."""
    with loading():
        from quickstudy.cli import making  # noqa: F401
        from quickstudy.cli.machine import device, use_threads

    out = _folder(found)
    use_threads(found["threads"])
    where = device(found["device"])
    if found["resume"]:
        _same_options(out, found.settings)
    fitted = _trained(found, out, where, command)
    link_latest(out)
    if fitted.interrupted:
        again = command if "--resume" in command else f"{command} --resume"
        if "--out" not in command:
            again += f" --out {shlex.quote(str(out))}"
        say(f"Interrupted at step {fitted.step} of {found['steps']}; all is saved. Go on with:")
        say(f"  {again}")
        return CODE
    if not quiet:
        run = shlex.quote(str(out))
        say(f"Trained {fitted.step} steps in {fitted.seconds:.0f} s; the run is in {out}. Next:")
        say(f"  quickstudy evaluate {run}\n  quickstudy report {run}")
    return 0


def _trained(found: Asked, out: Path, where: Any, command: str) -> Any:
    """Make data, learner and what trains it, and train."""
    from quickstudy import training
    from quickstudy.cli import making

    data = making.open_data(found)
    source = making.training_tasks(found, data)
    learner = making.make_learner(found, source)
    for note in data.notes():
        say(note)
    if found["start_from"] is not None:
        making.start_from(learner, found["start_from"], found["classes"])
    learner.to(where)
    balancer = making.make_balancer(found, source)
    optimizer = making.make_optimizer(found, learner, balancer)
    pretrains = "batch_size" in source.describe()
    return training.train(
        learner,
        source,
        found["steps"],
        1 if pretrains else found["tasks_per_step"],
        out,
        optimizer=optimizer,
        scheduler=making.make_scheduler(found, optimizer),
        balancer=balancer,
        validation=making.validation_tasks(found, data),
        **{name: found[name] for name in SAME},
        record={"command": command, "settings": {**found.settings, "out": str(out)}},
    )


def _folder(found: Asked) -> Path:
    """The folder of the run: the one that is named, the latest to go on with, or a new one."""
    if found["out"] is not None:
        return Path(found["out"])
    if found["resume"]:
        return latest()
    return new_folder(found.choice.learner, found.choice.data)


def _same_options(out: Path, settings: dict[str, Any]) -> None:
    """Raise if a run in ``out`` would be resumed with options that make it another run.

    More steps are fine if the learning rate is constant.
    """
    if not ((out / "last.safetensors").exists() and (out / "run.json").exists()):
        return
    from quickstudy.training.trained import read_details

    begun = read_details(out).get("settings")
    if not isinstance(begun, dict):
        raise UserError(
            f"{out} was not trained by the command line: go on with qs.train(..., resume=True)."
        )
    free = FREE | ({"steps"} if begun.get("schedule") == "constant" else set())
    for name, value in json.loads(json.dumps(settings)).items():
        old = begun.get(name, value)
        flag = name if name == "learner" else f"--{name.replace('_', '-')}"
        require(
            name in free or value == old,
            f"A resumed run should have the options it was begun with, {flag} {old}. Found "
            f"{flag} {value}.",
        )


def overview() -> str:
    """Write the help of ``train``: a sentence a learner, in families, and where to start."""
    lines = catalog.lines("learners")
    parts = [
        "usage: quickstudy train LEARNER [--data DATA] [OPTIONS]",
        "Meta-train a learner on a family of tasks.",
    ]
    told: set[str] = set()
    for title, learners in families().items():
        own = {name: lines[name] for name in learners if name in lines}
        told |= own.keys()
        parts.append(f"{title}:\n{listed(own)}")
    others = {name: line for name, line in lines.items() if name not in told}
    if others:
        parts.append(f"others:\n{listed(others)}")
    parts.append(filled(START) + "\n" + "\n".join(f"  {example}" for example in EXAMPLES))
    parts.append(
        filled(
            "`quickstudy train LEARNER --help` lists the options of a learner, with --data and "
            "--model those of the data and the network too."
        )
    )
    return "\n\n".join(parts)


def help_of(name: str, arguments: Sequence[str]) -> str:
    """Write the help of ``train LEARNER``, with the options of the data and network named."""
    others = [word for word in modern(arguments) if word not in ("-h", "--help")]
    choice = choice_of(name, others)
    data = f" --data {shlex.quote(choice.data)}"
    examples = [
        f"quickstudy train {name}{data}",
        f"quickstudy train {name}{data} --steps 500 --lr 3e-3 --out runs/mine",
    ]
    text = summary(catalog.path_of("learners", name))
    return page(f"train {name} [OPTIONS]", text, choice.options, examples)
