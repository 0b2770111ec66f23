"""Small tables that the ladder climbs."""

import numpy as np
import pandas as pd

import quickstudy as qs
from quickstudy.ladder.rungs import (
    BoostedTask,
    LearnedPrior,
    Pooled,
    SingleTask,
    SupportMeanRung,
)


def table(num_tasks=12, rows=24, seed=0) -> qs.tasks.Table:
    """Lines whose slopes are alike and whose levels are not."""
    draw = np.random.default_rng(seed)
    shop = np.repeat(np.arange(num_tasks), rows)
    x = draw.normal(0, 2, len(shop))
    level, slope = draw.normal(50, 10, num_tasks), draw.normal(3, 0.3, num_tasks)
    return qs.tasks.Table(
        pd.DataFrame(
            {
                "shop": shop,
                "x": x,
                "y": level[shop] + slope[shop] * x + draw.normal(0, 1, len(shop)),
            }
        ),
        "shop",
        "y",
    )


def passes(num_tasks=12, rows=24, seed=0) -> qs.tasks.Table:
    """Whether a line is above 50, in shops whose levels differ."""
    frame = table(num_tasks, rows, seed).frame
    return qs.tasks.Table(
        frame.assign(y=np.where(frame["y"] > 50, "yes", "no")), "shop", "y", kind="classification"
    )


KINDS = {"score": "regression", "passed": "classification"}


METRICS = {"score": "rmse of score", "passed": "log_loss of passed"}


def frame(num_tasks: int = 12, rows: int = 20, missing: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """A score and whether a school's pupil passed: both move with the school's own level."""
    draw = np.random.default_rng(seed)
    school = np.repeat(np.arange(num_tasks), rows)
    x, level = draw.normal(size=(len(school), 2)), draw.normal(0, 2, num_tasks)[school]
    table = pd.DataFrame({"school": school, "hours": x[:, 0], "age": x[:, 1]})
    table["score"] = 50 + 10 * (level + 2 * x[:, 0] + draw.normal(0, 0.3, len(school)))
    table["passed"] = np.where(
        level + x[:, 1] + 0.3 * draw.logistic(size=len(school)) > 0, "yes", "no"
    )
    for name in KINDS:
        table[name] = table[name].where(draw.random(len(school)) >= missing)
    return table


def mixed(data: pd.DataFrame) -> qs.tasks.Table:
    return qs.tasks.Table(data, "school", list(KINDS), KINDS)


QUICK = (
    SupportMeanRung,
    lambda: SingleTask("linear"),
    BoostedTask,
    Pooled,
    LearnedPrior,
)
