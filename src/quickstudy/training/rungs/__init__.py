"""The rungs of the ladder: ways to predict a table's rows, from those that share nothing between tasks to those that share most."""

from quickstudy.episode import Kind
from quickstudy.errors import require
from quickstudy.training.rungs.adapting import GeneratedTask, LearnedPrior, MetaLearnedSharing
from quickstudy.training.rungs.alone import SingleTask, SupportMeanRung
from quickstudy.training.rungs.boosted import BoostedPrior
from quickstudy.training.rungs.pooled import Pooled
from quickstudy.training.rungs.rung import PENALTIES, Rung, as_one_task, in_parts, train_whole
from quickstudy.training.rungs.sharing import Network, Sharing


def rungs(kind: Kind | None = None) -> list[Rung]:
    """The ladder for a kind of targets (by default numbers), from the bottom. Rungs on the same network train it once.

    Raises:
        UserError: If targets are of several kinds.
    """
    name = "regression" if kind is None else kind.name
    require(name != "mixed", "The ladder is for targets that are numbers, or classes of one column. Found targets of several kinds.")
    classes = name == "classification"
    linear = "logistic" if classes else "ridge"
    network = Network(heads=True)
    return [
        SupportMeanRung("majority" if classes else "support mean"),
        SingleTask(f"single task, {linear}", "linear"),
        SingleTask("single task, boosting", "boosting"),
        Pooled(f"pooled, {linear}"),
        Sharing("pooled, head refitted", heads=False, refit=True),
        Sharing("hard sharing", heads=True, refit=False, network=network),
        Sharing("hard sharing, head refitted", heads=True, refit=True, network=network),
        MetaLearnedSharing(),
        GeneratedTask(),
        LearnedPrior(),
    ]


__all__ = [
    "PENALTIES",
    "BoostedPrior",
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
    "train_whole",
]
