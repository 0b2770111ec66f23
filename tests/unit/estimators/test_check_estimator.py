"""scikit-learn's own checks of estimators, without tasks (all rows are then of one) and with the
methods that they reach."""

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

import quickstudy as qs

ESTIMATORS = {
    "regressor": qs.MultiTaskRegressor(method="learned_prior"),
    "classifier": qs.MultiTaskClassifier(),
    "few-shot": qs.FewShotClassifier(steps=3, tasks_per_step=1),
}
EXCEPTIONS = {
    "check_array_api_input": (
        "is skipped by scikit-learn itself, unless SCIPY_ARRAY_API is set: these estimators take "
        "NumPy and pandas"
    ),
}
"""Checks that are left out, with the reason."""


def checks() -> list:
    return [
        pytest.param(
            instance, check, id=f"{name}-{getattr(check, 'func', check).__name__}-{number}"
        )
        for name, made in ESTIMATORS.items()
        for number, (instance, check) in enumerate(estimator_checks_generator(made))
        if getattr(check, "func", check).__name__ not in EXCEPTIONS
    ]


@pytest.mark.parametrize(("estimator", "check"), checks())
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)
