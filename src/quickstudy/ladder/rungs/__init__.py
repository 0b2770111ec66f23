"""The rungs of the ladder: ways to predict a table's rows, from no sharing to the most."""

from collections.abc import Callable
from functools import partial

from quickstudy.ladder.rungs.adapting import GeneratedTask, LearnedPrior, MetaLearnedSharing
from quickstudy.ladder.rungs.alone import BoostedTask, SingleTask, SupportMeanRung
from quickstudy.ladder.rungs.boosted import BoostedPrior
from quickstudy.ladder.rungs.by_target import ByTarget
from quickstudy.ladder.rungs.pooled import Pooled
from quickstudy.ladder.rungs.rung import PENALTIES, Rung, as_one_task, in_parts
from quickstudy.ladder.rungs.sharing import Network, Sharing
from quickstudy.targets import Classes, Numbers, Several, Target

LINEAR: dict[type[Target], str] = {Numbers: "ridge", Classes: "logistic", Several: "linear"}
"""The name of a linear model of each target."""


def rungs(target: Target | None = None) -> list[Rung]:
    """Make the ladder for a target (by default numbers), from the bottom.

    Rungs on the same network train it once. Several targets of different kinds are learned together
    by a network, and one by one by scikit-learn's models. There is no generator then.
    """
    asked = Numbers() if target is None else target
    bottom = _bottom(asked)
    network = Network(heads=True)
    networks = [
        Sharing("pooled, head refitted", heads=False, refit=True),
        Sharing("hard sharing", heads=True, refit=False, network=network),
        Sharing("hard sharing, head refitted", heads=True, refit=True, network=network),
        MetaLearnedSharing(),
    ]
    if isinstance(asked, Several):
        return [*map(ByTarget, bottom), *networks, LearnedPrior()]
    return [*(make() for make in bottom), *networks, GeneratedTask(), LearnedPrior()]


def _bottom(target: Target) -> list[Callable[[], Rung]]:
    """Make the rungs without a network, which learn one target at a time."""
    linear = LINEAR[type(target)]
    return [
        partial(SupportMeanRung, "majority" if target.way else "support mean"),
        partial(SingleTask, f"single task, {linear}"),
        partial(BoostedTask, "single task, boosting"),
        partial(Pooled, f"pooled, {linear}"),
    ]


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
