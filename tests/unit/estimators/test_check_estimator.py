"""scikit-learn's own checks of estimators, without tasks (all rows are then of one) and with the methods that they reach."""

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

import quickstudy as qs

ESTIMATORS = {
    "regressor": qs.MultiTaskRegressor(),
    "regressor-prior": qs.MultiTaskRegressor(method="learned_prior"),
    "classifier": qs.MultiTaskClassifier(),
    "classifier-prior": qs.MultiTaskClassifier(method="learned_prior"),
    "few-shot": qs.FewShotClassifier(steps=3, tasks_per_step=1),
}
EXCEPTIONS: dict[str, dict[str, str]] = {}
"""Checks that do not apply, with the reason, by estimator."""


def checks() -> list:
    return [
        pytest.param(instance, check, id=f"{name}-{getattr(check, 'func', check).__name__}-{number}")
        for name, made in ESTIMATORS.items()
        for number, (instance, check) in enumerate(estimator_checks_generator(made))
        if getattr(check, "func", check).__name__ not in EXCEPTIONS.get(name, {})
    ]


@pytest.mark.parametrize(("estimator", "check"), checks())
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)
