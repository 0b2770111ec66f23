"""Crossed groups beside other methods: ``python -m benchmarks.crossed --data InstEval.csv.gz``.

Students rate lecturers: a row belongs to a student, a lecturer and a department. Ten random splits
of the rows, a quarter to predict. The peers are a ridge regression with every level one-hot, its
strength chosen on a fifth of the training rows, and histogram gradient boosting with the levels
encoded by cross-fitted target means. Differences are paired over splits, with the interval of
Nadeau and Bengio (2003) for splits that overlap."""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from scipy.stats import t as student
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, TargetEncoder

import quickstudy as qs

GROUPS = ["s", "d", "dept"]
TARGET = "y"
TEST = 0.25
STRENGTHS = (1.0, 3.0, 10.0, 30.0)
Predict = Callable[[pd.DataFrame], np.ndarray]


def ridge(train: pd.DataFrame, y: np.ndarray) -> Predict:
    """Fit a ridge regression on all columns one-hot; choose its strength on a fifth of the rows."""

    def fitted(strength: float, rows: pd.DataFrame, targets: np.ndarray) -> Predict:
        encoder = OneHotEncoder(handle_unknown="ignore")
        return make_pipeline(encoder, Ridge(strength)).fit(rows, targets).predict

    own, held, own_y, held_y = train_test_split(train, y, test_size=0.2, random_state=0)
    errors = {a: np.square(held_y - fitted(a, own, own_y)(held)).mean() for a in STRENGTHS}
    return fitted(min(errors, key=lambda strength: errors[strength]), train, y)


def boosting(train: pd.DataFrame, y: np.ndarray) -> Predict:
    """Fit gradient boosting on levels encoded by target means, cross-fitted."""
    encoder = make_column_transformer(
        (TargetEncoder(target_type="continuous", random_state=0), GROUPS), remainder="passthrough"
    )
    model = HistGradientBoostingRegressor(random_state=0, learning_rate=0.05, max_iter=200)
    return make_pipeline(encoder, model).fit(train, y).predict


def intercepts(train: pd.DataFrame, y: np.ndarray) -> qs.CrossedRegressor:
    """Fit a mixed model with an intercept for every level."""
    return qs.CrossedRegressor(GROUPS).fit(train, y)


def slopes(train: pd.DataFrame, y: np.ndarray) -> qs.CrossedRegressor:
    """Fit a mixed model whose lecturers differ by service course too."""
    return qs.CrossedRegressor(GROUPS, {"d": ["service"]}).fit(train, y)


METHODS = {
    "ridge, one-hot": ridge,
    "gradient boosting, target-encoded": boosting,
    "crossed, intercepts": intercepts,
    "crossed, service by lecturer": slopes,
}


def interval(differences: np.ndarray) -> tuple[float, float]:
    """Give the mean and half the width of its 95 % interval, corrected for splits that overlap."""
    splits = len(differences)
    spread = np.sqrt((1 / splits + TEST / (1 - TEST)) * differences.var(ddof=1))
    return float(differences.mean()), float(student.ppf(0.975, splits - 1) * spread)


def main() -> None:
    """Fit every method on every split, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--splits", type=int, default=10)
    asked = parser.parse_args()
    rows = pd.read_csv(asked.data)
    errors: dict[str, list[float]] = {name: [] for name in METHODS}
    seconds: dict[str, list[float]] = {name: [] for name in METHODS}
    covered: dict[str, list[float]] = {name: [] for name in METHODS}
    for seed in range(asked.splits):
        train, test = train_test_split(rows, test_size=TEST, random_state=seed)
        y, true = (part.pop(TARGET).to_numpy(dtype=float) for part in (train, test))
        for name, method in METHODS.items():
            began = time.perf_counter()
            model = method(train, y)
            seconds[name].append(time.perf_counter() - began)
            predict = model.predict if isinstance(model, qs.CrossedRegressor) else model
            errors[name].append(float(np.sqrt(np.square(true - predict(test)).mean())))
            if isinstance(model, qs.CrossedRegressor):
                low, high = model.predict_interval(test)
                covered[name].append(float(((low <= true) & (true <= high)).mean()))
    table = Table("method", "RMSE", "less ridge, paired", "90 % intervals cover", "seconds")
    for name in METHODS:
        mean, half = interval(np.subtract(errors[name], errors["ridge, one-hot"]))
        cover = f"{100 * np.mean(covered[name]):.1f} %" if covered[name] else ""
        cells = (f"{np.mean(errors[name]):.4f}", f"{mean:+.4f} ± {half:.4f}", cover)
        table.add_row(name, *cells, f"{np.mean(seconds[name]):.1f}")
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
