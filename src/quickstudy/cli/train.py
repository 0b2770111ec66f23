"""The command ``quickstudy train``."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quickstudy.cli import catalog
from quickstudy.cli.asked import Asked, asked, choice_of
from quickstudy.cli.begun import as_begun
from quickstudy.cli.console import say
from quickstudy.cli.folders import latest, link_latest, new_folder
from quickstudy.cli.help import filled, indented, listed, page
from quickstudy.cli.interrupt import CODE, loading
from quickstudy.cli.option import Option
from quickstudy.cli.options import asks_for_help
from quickstudy.cli.reader import summary
from quickstudy.cli.recipes import families
from quickstudy.cli.words import modern
from quickstudy.errors import require

SAME = (
    *("clip_gradient", "tasks_per_backward", "validate_every", "validation_tasks", "seed"),
    *("compile", "resume", "checkpoint_seconds", "tensorboard"),
)
"""Options that are arguments of :func:`~quickstudy.train` under the same name."""
COUNTED = ("channels", "last_channels", "hidden", "threads")
"""Options whose numbers are at least 1."""
USAGE = (
    "usage: quickstudy train LEARNER [--data DATA] [OPTIONS]",
    "Meta-train a learner on a family of tasks.",
)
START = (
    "Start with protonet for classes and maml for numbers; every learner has good options for "
    "letters and, if it predicts numbers, for sinusoids:"
)
MORE = (
    "`quickstudy train LEARNER --help` lists the options of a learner, with --data and --model "
    "those of the data and the network too."
)
EXAMPLES = (
    "quickstudy train protonet --data glyphs",
    "quickstudy train maml --data sinusoid",
    "quickstudy train protonet --data my_pictures --size 64 --channels 3",
    "quickstudy train hard_sharing --data shops.csv --task shop --target sold",
)


def main(arguments: Sequence[str]) -> int:
    """Meta-train a learner and suggest the next commands."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(overview())
        return 0 if arguments else 2
    name, *others = arguments
    if asks_for_help(others):
        print(help_of(name, others))
        return 0
    return run_training(checked_options(name, others), _told(["train", *arguments]))


def _told(words: Sequence[str]) -> str:
    """Write a command as it is typed."""
    return shlex.join(["quickstudy", *words])


def checked_options(name: str, arguments: Sequence[str]) -> Asked:
    """Read the options, and refuse impossible ones without loading torch.

    Raises:
        UserError: In one line, if something is unknown or wrong.
    """
    found = asked(name, arguments)
    _check_data(found)
    _check_counts(found)
    return found


def _check_data(found: Asked) -> None:
    """Raise if a learner of a fixed set of tasks gets data whose tasks are drawn anew."""
    name, data = found.choice.learner, found.choice.data
    fixed = any(one.name == "num_tasks" for one in catalog.options_of("learners", name))
    require(
        not fixed or found.choice.fixed_tasks or catalog.OWN.fullmatch(data) is not None,
        f"Learner {name} learns a part for each task of a fixed set: give a table, --data "
        f"table.csv --task COLUMN. Found --data {data}, whose tasks are drawn anew.",
    )


def _check_counts(found: Asked) -> None:
    """Raise if a size is below 1."""
    for option in found.choice.options:
        if option.name in COUNTED:
            _check_count(option, found[option.name])


def _check_count(option: Option, value: Any) -> None:
    """Raise if a number of the option is below 1."""
    numbers = value if isinstance(value, tuple) else (value,)
    good = all(number is None or number >= 1 for number in numbers)
    require(good, f"Option {option.flag} should be at least 1. Found {value}.")


def run_training(found: Asked, command: str, quiet: bool = False) -> int:
    """Train by the options; ``command`` is printed again for resuming an interrupted run."""
    with loading():
        from quickstudy.cli import making  # noqa: F401
        from quickstudy.cli.machine import device, use_threads

    out = _folder(found)
    use_threads(found["threads"])
    where = device(found["device"])
    if found["resume"]:
        found = as_begun(found, out)
    fitted = _trained(found, out, where, command)
    link_latest(out)
    if fitted.interrupted:
        _say_how_to_go_on(fitted, found["steps"], out, command)
        return CODE
    if not quiet:
        _say_what_is_next(fitted, out)
    return 0


def _say_how_to_go_on(fitted: Any, steps: int, out: Path, command: str) -> None:
    """Explain how to resume an interrupted run."""
    again = command if "--resume" in command else f"{command} --resume"
    if "--out" not in command:
        again += f" --out {shlex.quote(str(out))}"
    say(f"Interrupted at step {fitted.step} of {steps}; all is saved. Go on with:")
    say(f"  {again}")


def _say_what_is_next(fitted: Any, out: Path) -> None:
    """Suggest commands for the run."""
    run = shlex.quote(str(out))
    say(f"Trained {fitted.step} steps in {fitted.seconds:.0f} s; the run is in {out}. Next:")
    say(f"  quickstudy evaluate {run}\n  quickstudy report {run}")


def _trained(asked_for: Asked, out: Path, where: Any, command: str) -> Any:
    """Open the data, make the learner, and train it."""
    from quickstudy.cli import drawing, making

    data = drawing.open_data(asked_for)
    found = drawing.with_fitting_way(asked_for, data)
    source = drawing.training_tasks(found, data)
    learner = making.make_learner(found, source)
    for note in (*data.notes(), *drawing.note_on_way(asked_for, found, data)):
        say(note)
    making.start_from(learner, found)
    return _stepped(
        found,
        learner.to(where),
        source,
        out=out,
        validation=drawing.validation_tasks(found, data),
        record={"command": command, "settings": {**found.settings, "out": str(out)}},
    )


def _stepped(found: Asked, learner: Any, source: Any, **others: Any) -> Any:
    """Make the balancer, the optimiser and the schedule, and train the learner with them."""
    from quickstudy import training
    from quickstudy.cli import stepping

    balancer = stepping.make_balancer(found, source)
    optimizer = stepping.make_optimizer(found, learner, balancer)
    # in pre-training, the tasks of a step are the examples of one batch
    pretrains = "batch_size" in source.describe()
    return training.train(
        learner,
        source,
        found["steps"],
        1 if pretrains else found["tasks_per_step"],
        optimizer=optimizer,
        scheduler=stepping.make_scheduler(found, optimizer),
        balancer=balancer,
        **{name: found[name] for name in SAME},
        **others,
    )


def _folder(found: Asked) -> Path:
    """Give the folder of the run: the named folder, the latest run to resume, or a new folder."""
    if found["out"] is not None:
        return Path(found["out"])
    if found["resume"]:
        return latest()
    return new_folder(found.choice.learner, found.choice.data)


def overview() -> str:
    """Write the help of ``train``: a sentence on each learner, by family, and a first command."""
    told = [f"{title}:\n{listed(texts)}" for title, texts in _in_families().items() if texts]
    return "\n\n".join((*USAGE, *told, _where_to_start(), filled(MORE)))


def _where_to_start() -> str:
    return f"{filled(START)}\n{indented(EXAMPLES)}"


def _in_families() -> dict[str, dict[str, str]]:
    """Give a sentence on every learner, by family and name; learners of no family come last."""
    left = catalog.summaries("learners")
    found = {}
    for title, learners in families().items():
        found[title] = {name: left.pop(name) for name in learners if name in left}
    return {**found, "others": left}


def help_of(name: str, arguments: Sequence[str]) -> str:
    """Write the help of ``train LEARNER``, with the options of the data and network named."""
    words = [word for word in modern(arguments) if word not in ("-h", "--help")]
    choice = choice_of(name, words)
    data = f" --data {shlex.quote(choice.data)}"
    examples = [
        f"quickstudy train {name}{data}",
        f"quickstudy train {name}{data} --steps 500 --lr 3e-3 --out runs/mine",
    ]
    text = summary(catalog.place_of("learners", name))
    return page(f"train {name} [OPTIONS]", text, choice.options, examples)
