"""The rungs of the ladder: ways to predict a table's rows, from those that share nothing between tasks to those that share most."""

from collections.abc import Callable
from functools import partial

from quickstudy.ladder.rungs.adapting import GeneratedTask, LearnedPrior, MetaLearnedSharing
from quickstudy.ladder.rungs.alone import SingleTask, SupportMeanRung
from quickstudy.ladder.rungs.boosted import BoostedPrior
from quickstudy.ladder.rungs.by_target import ByTarget
from quickstudy.ladder.rungs.pooled import Pooled
from quickstudy.ladder.rungs.rung import PENALTIES, Rung, as_one_task, in_parts
from quickstudy.ladder.rungs.sharing import Network, Sharing
from quickstudy.targets import Classes, Numbers, Several, Target

LINEAR: dict[type[Target], str] = {Numbers: "ridge", Classes: "logistic", Several: "linear"}
"""What a linear model of each target is called."""


def rungs(target: Target | None = None) -> list[Rung]:
    """The ladder for a kind of targets (by default numbers), from the bottom. Rungs on the same
    network train it once.

    Several targets of different kinds are all learned by one network, by scikit-learn's models one
    by one. There is no generator then."""
    asked = Numbers() if target is None else target
    linear = LINEAR[type(asked)]
    network = Network(heads=True)
    bottom: list[Callable[[], Rung]] = [
        partial(SupportMeanRung, "majority" if asked.way else "support mean"),
        partial(SingleTask, f"single task, {linear}", "linear"),
        partial(SingleTask, "single task, boosting", "boosting"),
        partial(Pooled, f"pooled, {linear}"),
    ]
    networks = [
        Sharing("pooled, head refitted", heads=False, refit=True),
        Sharing("hard sharing", heads=True, refit=False, network=network),
        Sharing("hard sharing, head refitted", heads=True, refit=True, network=network),
        MetaLearnedSharing(),
    ]
    if isinstance(asked, Several):
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
