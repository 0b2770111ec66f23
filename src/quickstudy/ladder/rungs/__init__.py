"""The rungs of the ladder: ways to predict a table's rows, from no sharing to the most."""

from functools import partial

from quickstudy.ladder.rungs.adapting import GeneratedTask, LearnedPrior, MetaLearnedSharing
from quickstudy.ladder.rungs.alone import BoostedTask, SingleTask, SupportMeanRung
from quickstudy.ladder.rungs.boosted import BoostedPrior
from quickstudy.ladder.rungs.boosting import HistBoosting
from quickstudy.ladder.rungs.by_target import ByTarget, Make
from quickstudy.ladder.rungs.light import LightBoosting, is_installed
from quickstudy.ladder.rungs.linear import MixedRung
from quickstudy.ladder.rungs.one_hot import OneHot
from quickstudy.ladder.rungs.one_hot_logistic import OneHotLogistic
from quickstudy.ladder.rungs.pooled import Pooled
from quickstudy.ladder.rungs.rung import PENALTIES, Family, Rung, as_one_task, in_parts
from quickstudy.ladder.rungs.sharing import Network, Sharing
from quickstudy.targets import Classes, Numbers, Several, Target

LINEAR: dict[type[Target], str] = {Numbers: "ridge", Classes: "logistic", Several: "linear"}
"""The name of a linear model of each target."""

INTERCEPT = partial(MixedRung, slopes=False)
SLOPES = partial(MixedRung, slopes=True)


def rungs(target: Target | None = None) -> list[Rung]:
    """Make the ladder for a target (by default numbers), from the bottom.

    Rungs on the same network train it once. Several targets of different kinds are learned together
    by a network, and one by one by plain models. There is no generator then. Mixed models are for
    numbers; beside them, classes of the same table have a logistic regression.
    """
    asked = Numbers() if target is None else target
    if isinstance(asked, Several):
        one_by_one = [ByTarget(make) for make in _bottom(asked)]
        return [*one_by_one, *_plain_by_target(), *_networks(), LearnedPrior()]
    alone = [make() for make in (*_bottom(asked), *_plain(asked))]
    return [*alone, *_networks(), GeneratedTask(), LearnedPrior()]


def _plain(target: Target) -> list[Make]:
    """Make the rungs of a practitioner, for numbers or for classes."""
    linear = [OneHotLogistic] if target.way else [OneHot, INTERCEPT, SLOPES]
    return [*linear, *_boosting()]


def _plain_by_target() -> list[Rung]:
    """Make the rungs of a practitioner, for several targets one by one."""
    one_hot = ByTarget(OneHot, OneHotLogistic, "linear, task one-hot")
    mixed = [ByTarget(make, OneHotLogistic) for make in (INTERCEPT, SLOPES)]
    return [one_hot, *map(ByTarget, _boosting()), *mixed]


def _networks() -> list[Rung]:
    """Make the rungs of a network that shares."""
    network = Network(heads=True)
    return [
        Sharing("pooled, head refitted", heads=False, refit=True),
        Sharing("hard sharing", heads=True, refit=False, network=network),
        Sharing("hard sharing, head refitted", heads=True, refit=True, network=network),
        MetaLearnedSharing(),
    ]


def _bottom(target: Target) -> list[Make]:
    """Make the rungs that see one task only, or all rows but not their task."""
    linear = LINEAR[type(target)]
    return [
        partial(SupportMeanRung, "majority" if target.way else "support mean"),
        partial(SingleTask, f"single task, {linear}"),
        BoostedTask,
        partial(Pooled, f"pooled, {linear}"),
    ]


def _boosting() -> list[Make]:
    """Make the rungs of boosting that sees the task."""
    return [HistBoosting, *([LightBoosting] if is_installed() else [])]


__all__ = [
    "PENALTIES",
    "BoostedPrior",
    "BoostedTask",
    "ByTarget",
    "Family",
    "GeneratedTask",
    "HistBoosting",
    "LearnedPrior",
    "LightBoosting",
    "MetaLearnedSharing",
    "MixedRung",
    "Network",
    "OneHot",
    "OneHotLogistic",
    "Pooled",
    "Rung",
    "Sharing",
    "SingleTask",
    "SupportMeanRung",
    "as_one_task",
    "in_parts",
    "rungs",
]
