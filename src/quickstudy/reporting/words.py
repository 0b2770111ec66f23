"""Writes a result in plain words."""

import math
from dataclasses import replace

from quickstudy.learners import Learner
from quickstudy.relatedness import Relatedness
from quickstudy.targets import metric_of
from quickstudy.training.evaluate import Estimate, Evaluation


def written(estimate: Estimate, metric: str, tasks: bool = True) -> str:
    """Write an estimate for people.

    An accuracy is ``97.31 ± 0.20 %``. With ``tasks``, the tasks that diverged are counted too.
    """
    if math.isfinite(estimate.mean):
        return (estimate if tasks else replace(estimate, num_diverged=0)).text(metric)
    return f"diverged on all {estimate.num_tasks} tasks" if tasks else "diverged"


def default_title(learner: Learner, evaluation: Evaluation) -> str:
    """Name learner and tasks, as ``MAML on omniglot/test, 5-way 1-shot``."""
    tasks = [
        f"{_range(evaluation.source[name])}-{name}"
        for name in ("way", "shot")
        if name in evaluation.source
    ]
    where = f"{type(learner).__name__} on {evaluation.source.get('source', 'new tasks')}"
    return f"{where}, {' '.join(tasks)}" if tasks else where


def headline(evaluation: Evaluation) -> str:
    """Say the result in a sentence."""
    value = written(evaluation.estimate, evaluation.metric)
    told = metric_of(evaluation.metric).sentence.format(value)
    return f"{_subject(evaluation)} {told} ({_over(evaluation.estimate)})."


def _subject(evaluation: Evaluation) -> str:
    given = _given(evaluation)
    return f"{given}, the learner" if given else "The learner"


def _over(estimate: Estimate) -> str:
    """Give the number of tasks of the mean, in words."""
    over = f"mean over {estimate.num_tasks:,} tasks"
    return f"{over} with its 95 % interval" if math.isfinite(estimate.ci95) else over


def _given(evaluation: Evaluation) -> str:
    """Say how many examples a task is learned from; empty if that is not known."""
    shot = evaluation.source.get("shot")
    if shot is None:
        return ""
    return f"Given {_range(shot)} example{'' if shot == 1 else 's'} {_of_each(evaluation)}"


def _of_each(evaluation: Evaluation) -> str:
    """Name the unit that has one shot of examples."""
    if evaluation.metric != "accuracy":
        return "of a task"
    if "way" not in evaluation.source:
        return "of each class"
    return f"of each of {_range(evaluation.source['way'])} classes"


def transduction(transductive: bool) -> str:
    """Say which examples a prediction depends on."""
    if transductive:
        return (
            "Transductive: a prediction may depend on the other queries of its task, so compare "
            "it with transductive results only."
        )
    return "Not transductive: every query is judged on its own, from the support set alone."


def against_baselines(evaluation: Evaluation) -> str:
    """Compare the learner with the best plain baseline, in a sentence; empty without baselines."""
    baselines = evaluation.baselines.items()
    finite = [(name, found) for name, found in baselines if math.isfinite(found.mean)]
    if not finite or not math.isfinite(evaluation.mean):
        return ""
    sign = -1 if metric_of(evaluation.metric).higher_is_better else 1
    name, best = min(finite, key=lambda row: sign * row[1].mean)
    reached = written(best, evaluation.metric)
    return f"The best plain baseline, {name}, reaches {reached}, {_against(best, evaluation)}."


def _against(baseline: Estimate, evaluation: Evaluation) -> str:
    """Say whether the learner beats ``baseline``."""
    gain = evaluation.mean - baseline.mean
    # never more than an interval of NaN
    if not abs(gain) > math.hypot(evaluation.ci95, baseline.ci95):
        return "which this evaluation cannot tell apart from it"
    better = (gain > 0) == metric_of(evaluation.metric).higher_is_better
    return "which it beats" if better else "which beats it"


MEASURED = {
    "gradient": (
        "the cosine of the gradients with which two tasks pull a network that is trained on all"
    ),
    "fisher": (
        "how alike the weights are that two tasks need of a network that is trained on all "
        "(Fisher embeddings)"
    ),
    "affinity": (
        "how much a step on one task lowers the loss of the other, in a network that is trained "
        "on all (TAG)"
    ),
    "posterior": "how alike the linear weights of two tasks depart from those of all tasks",
}

GROUPED = (
    "groups found in one half of the rows explain the similarities seen in the other half better "
    "than one group does."
)
NOT_GROUPED = (
    "no groups found in one half of the rows explain the other half: share between all tasks alike."
)


def relation(found: Relatedness) -> list[str]:
    """Describe the relatedness of tasks: the measure, its certainty, and the consequence."""
    what = MEASURED.get(found.measure, f"the measure {found.measure}")
    sure = (
        f"Random halves of the rows agree on {found.reliability:.0%} of the differences between "
        "the pairs of tasks"
    )
    follows = GROUPED if found.num_groups > 1 else NOT_GROUPED
    return [
        f"Measured is {what}.",
        f"{sure}; the rest is taken for noise, and taken out. As to groups, {follows}",
    ]


def _range(value: object) -> str:
    if isinstance(value, (tuple, list)) and len(value) == 2:
        return f"{value[0]} to {value[1]}"
    return str(value)
