"""The rungs of the ladder: ways to predict a table's rows, from those that share nothing between tasks to those that share most."""

from collections.abc import Callable
from functools import partial

from quickstudy.episode import Kind
from quickstudy.ladder.rungs.adapting import GeneratedTask, LearnedPrior, MetaLearnedSharing
from quickstudy.ladder.rungs.alone import SingleTask, SupportMeanRung
from quickstudy.ladder.rungs.boosted import BoostedPrior
from quickstudy.ladder.rungs.by_target import ByTarget
from quickstudy.ladder.rungs.pooled import Pooled
from quickstudy.ladder.rungs.rung import PENALTIES, Rung, as_one_task, in_parts
from quickstudy.ladder.rungs.sharing import Network, Sharing

LINEAR = {"regression": "ridge", "classification": "logistic", "mixed": "linear"}
"""What a linear model of each kind of targets is called."""


def rungs(kind: Kind | None = None) -> list[Rung]:
    """The ladder for a kind of targets (by default numbers), from the bottom. Rungs on the same
    network train it once.

    Several targets of different kinds are all learned by one network, by scikit-learn's models one
    by one. There is no generator then."""
    name = "regression" if kind is None else kind.name
    network = Network(heads=True)
    bottom: list[Callable[[], Rung]] = [
        partial(SupportMeanRung, "majority" if name == "classification" else "support mean"),
        partial(SingleTask, f"single task, {LINEAR[name]}", "linear"),
        partial(SingleTask, "single task, boosting", "boosting"),
        partial(Pooled, f"pooled, {LINEAR[name]}"),
    ]
    networks = [
        Sharing("pooled, head refitted", heads=False, refit=True),
        Sharing("hard sharing", heads=True, refit=False, network=network),
        Sharing("hard sharing, head refitted", heads=True, refit=True, network=network),
        MetaLearnedSharing(),
    ]
    if name == "mixed":
        return [*map(ByTarget, bottom), *networks, LearnedPrior()]
    return [*(make() for make in bottom), *networks, GeneratedTask(), LearnedPrior()]


__all__ = [
    "PENALTIES",
    "BoostedPrior",
    "ByTarget",
    "GeneratedTask",
    "LearnedPrior",
    "MetaLearnedSharing",
    "Network",
    "Pooled",
    "Rung",
    "Sharing",
    "SingleTask",
    "SupportMeanRung",
    "as_one_task",
    "in_parts",
    "rungs",
]
