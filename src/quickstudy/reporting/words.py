"""Tells a result in plain words."""

import math

from quickstudy.learners import Learner
from quickstudy.relatedness import Relatedness
from quickstudy.targets import metric_of
from quickstudy.training.evaluate import Estimate, Evaluation


def written(estimate: Estimate, metric: str, tasks: bool = True) -> str:
    """Write an estimate, as ``97.31 ± 0.20 %``; with ``tasks`` also those that diverged."""
    if not math.isfinite(estimate.mean):
        return f"diverged on all {estimate.num_tasks} tasks" if tasks else "diverged"
    kept = estimate if tasks else Estimate(estimate.mean, estimate.ci95, estimate.num_tasks)
    return kept.text(metric)


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
    estimate, source = evaluation.estimate, evaluation.source
    over = f"mean over {estimate.num_tasks:,} tasks"
    if math.isfinite(estimate.ci95):
        over += " with its 95 % interval"
    shot = source.get("shot")
    given = "" if shot is None else f"Given {_range(shot)} example{'' if shot == 1 else 's'} "
    if evaluation.metric == "accuracy":
        of_each = "of each class"
        if "way" in source:
            of_each = f"of each of {_range(source['way'])} classes"
    else:
        of_each = "of a task"
    begin = f"{given}{of_each}, the learner" if given else "The learner"
    told = metric_of(evaluation.metric).sentence.format(written(estimate, evaluation.metric))
    return f"{begin} {told} ({over})."


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
    sign = -1 if metric_of(evaluation.metric).higher_is_better else 1
    finite = {
        name: estimate
        for name, estimate in evaluation.baselines.items()
        if math.isfinite(estimate.mean)
    }
    if not finite or not math.isfinite(evaluation.mean):
        return ""
    name, best = min(finite.items(), key=lambda row: sign * row[1].mean)
    # never with an interval of NaN
    apart = abs(evaluation.mean - best.mean) > math.hypot(evaluation.ci95, best.ci95)
    if not apart:
        verdict = "which this evaluation cannot tell apart from it"
    elif sign * evaluation.mean < sign * best.mean:
        verdict = "which it beats"
    else:
        verdict = "which beats it"
    reached = written(best, evaluation.metric)
    return f"The best plain baseline, {name}, reaches {reached}, {verdict}."


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


def relation(found: Relatedness) -> list[str]:
    """Say how related tasks are: the measure, how sure it is, and the consequence."""
    what = MEASURED.get(found.measure, f"the measure {found.measure}")
    sure = (
        f"Random halves of the rows agree on {found.reliability:.0%} of the differences between "
        "the pairs of tasks"
    )
    if found.num_groups > 1:
        follows = (
            "groups found in one half of the rows explain the similarities seen in the other "
            "half better than one group does."
        )
    else:
        follows = (
            "no groups found in one half of the rows explain the other half: share between all "
            "tasks alike."
        )
    return [
        f"Measured is {what}.",
        f"{sure}; the rest is taken for noise, and taken out. As to groups, {follows}",
    ]


def _range(value: object) -> str:
    if isinstance(value, (tuple, list)) and len(value) == 2:
        return f"{value[0]} to {value[1]}"
    return str(value)
