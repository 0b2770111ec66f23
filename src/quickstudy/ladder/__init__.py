"""Ways to predict a table, from a task's mean to a learned prior, judged on the same splits."""

from quickstudy.ladder.judge import Metrics, judge, judge_by_target
from quickstudy.ladder.ladder import FRACTION, Score, ladder_rows, ladder_tasks

__all__ = [
    "FRACTION",
    "Metrics",
    "Score",
    "judge",
    "judge_by_target",
    "ladder_rows",
    "ladder_tasks",
]
