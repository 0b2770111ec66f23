"""A regressor of scikit-learn for rows that belong to levels of several groupings at once."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from quickstudy.errors import require
from quickstudy.estimators.levels import Levels, check_frame, columns_of_all
from quickstudy.estimators.units import Interval
from quickstudy.learners.crossed_effects import CrossedEffects, independent
from quickstudy.learners.mixed_equations import Design, Grouping
from quickstudy.tasks.encoder import Encoder


class CrossedRegressor(RegressorMixin, BaseEstimator):
    """Regression on rows that belong to several groupings at once: students and courses.

    Every grouping has a prior of its own, learned from all rows:

    ``y = φ(x) β + Σ_g z_g(x) b_{g, level} + ε``, ``b_{g, level} ~ N(0, Σ_g)``, ``ε ~ N(0, σ²)``,

    with ``z_g = [1, slopes of g]``. The covariances maximise the restricted likelihood, and the
    posterior of all effects is exact: a level of few rows is drawn towards what all share. A level
    that was not seen has effects of mean 0, and its variance is in the intervals; :meth:`adapt`
    learns it from a few rows.

    Groupings may be crossed (students × courses) or nested: ``"school/class"`` is the class within
    the school, so that class 1 of two schools is two levels.

    Args:
        groups: The columns of ``X`` that say the levels.
        slopes: Columns of numbers whose effect differs between levels: a list for all groupings,
            or by grouping, ``{"course": ["age"]}``. ``"auto"`` adds, one after the other, those
            that lower Akaike's criterion.
        correlated: Whether the effects of a level may be correlated.

    Attributes:
        effects_: The fitted effects, see
            :class:`~quickstudy.learners.crossed_effects.CrossedEffects`.
        spread_: The standard deviation of every effect between levels, and of the noise, in the
            units of ``y``: a table with the columns ``group``, ``effect``, ``deviation``.
        slopes_: The slopes by grouping.
        levels_: The levels by grouping.

    Raises:
        UserError: If a column is missing, a level of a training row is not known, or groupings
            have too many levels for memory.

    Source: Henderson 1975; Bates, Mächler, Bolker & Walker 2015.

    Example:
        >>> import numpy as np, pandas as pd, quickstudy as qs
        >>> draw = np.random.default_rng(0)
        >>> rows = pd.DataFrame({"student": draw.integers(0, 40, 600)})
        >>> rows["course"] = draw.integers(0, 20, 600)
        >>> ability, ease = draw.normal(0, 2, 40), draw.normal(0, 1, 20)
        >>> mark = 10 + ability[rows["student"]] + ease[rows["course"]] + draw.normal(0, 0.5, 600)
        >>> model = qs.CrossedRegressor(groups=["student", "course"]).fit(rows, mark)
        >>> model.spread_["deviation"].round(1).tolist()
        [2.0, 1.0, 0.5]
        >>> new = pd.DataFrame({"student": [40, 40], "course": [3, 7]})
        >>> model.adapt(new, [15.0, 14.0]).predict(new).shape
        (2,)
    """

    def __init__(
        self,
        groups: Sequence[str],
        slopes: str | Sequence[str] | Mapping[str, Sequence[str]] = (),
        correlated: bool = False,
    ) -> None:
        self.groups, self.slopes = groups, slopes
        self.correlated = correlated

    def fit(self, X: pd.DataFrame, y: Any) -> "CrossedRegressor":
        """Learn from rows.

        Args:
            X: The columns of the groupings and the features ``[row, column]``.
            y: Targets ``[row]``.
        """
        y = _targets(X, y)
        self._encode(X, self._asked_groups())
        self.mean_, self.scale_ = float(y.mean()), float(y.std()) or 1.0
        self.slopes_ = self._asked_slopes()
        self.effects_ = self._fitted(X, self._scaled(y))
        if isinstance(self.slopes, str):
            self._choose_slopes(X, self._scaled(y))
        return self

    def _encode(self, X: pd.DataFrame, groups: Sequence[str]) -> None:
        """Learn the levels of the ``groups``, and how all other columns become features."""
        taken = columns_of_all(X.columns, groups)
        self.levels_ = {group: Levels.of(X, group) for group in groups}
        self.encoder_ = Encoder.fit(X, tuple(name for name in X.columns if name not in taken))
        self.columns_ = independent(_with_one(self.encoder_(X)))
        self.n_features_in_ = X.shape[1]

    def _scaled(self, y: np.ndarray) -> np.ndarray:
        """Bring targets to mean 0 and standard deviation 1."""
        found: np.ndarray = (y - self.mean_) / self.scale_
        return found

    def _asked_groups(self) -> tuple[str, ...]:
        groups = (self.groups,) if isinstance(self.groups, str) else tuple(self.groups)
        require(
            len(groups) > 0 and len(set(groups)) == len(groups),
            f"Parameter `groups` should name different columns. Found {list(groups)}.",
        )
        return groups

    def _asked_slopes(self) -> dict[str, tuple[str, ...]]:
        """Give the slopes by grouping; ``"auto"`` starts from none."""
        if isinstance(self.slopes, str):
            _check_automatic(self.slopes)
            return dict.fromkeys(self.levels_, ())
        found = self._by_group(self.slopes)
        self._check_features({name for names in found.values() for name in names})
        return found

    def _by_group(
        self, slopes: Sequence[str] | Mapping[str, Sequence[str]]
    ) -> dict[str, tuple[str, ...]]:
        """Give the slopes of every grouping; a list is for all of them."""
        asked = slopes if isinstance(slopes, Mapping) else dict.fromkeys(self.levels_, slopes)
        self._check_groups(asked)
        return {group: tuple(asked.get(group, ())) for group in self.levels_}

    def _check_groups(self, names: Iterable[str]) -> None:
        """Raise if a name is not that of a grouping."""
        unknown = sorted(set(names) - set(self.levels_))
        message = f"Parameter `slopes` should speak of the groups. Found {unknown[:1]}."
        require(not unknown, message)

    def _check_features(self, names: Iterable[str]) -> None:
        """Raise if a name is not that of a feature."""
        lacking = sorted(set(names) - set(self.encoder_.names))
        known = ", ".join(self.encoder_.names)
        message = f"Parameter `slopes` should name features: {known}. Found {lacking[:1]}."
        require(not lacking, message)

    def _fitted(self, X: pd.DataFrame, y: np.ndarray) -> CrossedEffects:
        correlated = [self.correlated] * len(self.levels_)
        return CrossedEffects.fit(self._design(X), y, correlated)

    def _choose_slopes(self, X: pd.DataFrame, y: np.ndarray) -> None:
        """Add the slopes that lower Akaike's criterion, one after the other."""
        for group, name in product(self.levels_, self.encoder_.names):
            self._try_slope(group, name, X, y)

    def _try_slope(self, group: str, name: str, X: pd.DataFrame, y: np.ndarray) -> None:
        """Add the slope of ``name`` to ``group`` if it lowers Akaike's criterion."""
        before, known = self.effects_, self.slopes_
        self.slopes_ = known | {group: (*known[group], name)}
        self.effects_ = self._fitted(X, y)
        if self.effects_.criterion >= before.criterion:
            self.effects_, self.slopes_ = before, known

    def _design(self, X: pd.DataFrame) -> Design:
        """Encode rows as the equations need them."""
        encoded = self.encoder_(X)
        groupings = (self._grouping(group, X, encoded) for group in self.levels_)
        return Design(_with_one(encoded)[:, self.columns_], tuple(groupings))

    def _grouping(self, group: str, X: pd.DataFrame, encoded: np.ndarray) -> Grouping:
        """Say the levels of rows, and what their effects are multiplied with."""
        levels = self.levels_[group]
        places = [self.encoder_.names.index(name) for name in self.slopes_[group]]
        return Grouping(levels(X), len(levels.names), _with_one(encoded[:, places]))

    @property
    def spread_(self) -> pd.DataFrame:
        """The standard deviations of all effects between levels, and of the noise."""
        check_is_fitted(self)
        pairs = zip(self.levels_, self.effects_.covariances, strict=True)
        rows = [row for group, covariance in pairs for row in self._deviations(group, covariance)]
        columns = ["group", "effect", "deviation"]
        return pd.DataFrame([*rows, ("noise", "", self._noise())], columns=columns)

    def _noise(self) -> float:
        """Give the standard deviation of the noise, in the units of ``y``."""
        return self.scale_ * float(np.sqrt(self.effects_.solution.noise))

    def _deviations(self, group: str, covariance: np.ndarray) -> list[tuple[str, str, float]]:
        """Give the group, the name and the standard deviation of each of its effects."""
        deviations = (self.scale_ * np.sqrt(np.diag(covariance))).tolist()
        pairs = zip(self._effects_of(group), deviations, strict=True)
        return [(group, name, deviation) for name, deviation in pairs]

    def _effects_of(self, group: str) -> list[str]:
        """Name the effects of a level of ``group``."""
        return ["intercept", *self.slopes_[group]]

    def level_effects(self, group: str) -> pd.DataFrame:
        """Give the effects of every level of ``group``, drawn towards 0, in the units of ``y``.

        Returns:
            A row a level, a column an effect.
        """
        check_is_fitted(self)
        place = list(self.levels_).index(group)
        return pd.DataFrame(
            self.scale_ * self.effects_.solution.effects(place),
            index=self.levels_[group].names,
            columns=self._effects_of(group),
        )

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Predict the targets of rows ``[row]``; levels may be new."""
        return self._moments(X)[0]

    def predict_interval(self, X: pd.DataFrame, level: float = 0.9) -> Interval:
        """Give the bounds between which the targets of rows lie with probability ``level``.

        Raises:
            UserError: If ``level`` is not between 0 and 1.
        """
        require(0 < level < 1, f"Parameter `level` should be between 0 and 1. Found level={level}.")
        mean, deviation = self._moments(X)
        half = NormalDist().inv_cdf(0.5 + level / 2) * deviation
        return mean - half, mean + half

    def _moments(self, X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        check_is_fitted(self)
        mean, variance = self.effects_.predict(self._design(X))
        return self.mean_ + self.scale_ * mean, self.scale_ * np.sqrt(variance)

    def adapt(self, X: pd.DataFrame, y: Any) -> "CrossedRegressor":
        """Give a regressor that knows these rows too, also of new levels.

        The covariances stay; this regressor stays as it is.

        Args:
            X: Rows with the columns of :meth:`fit`.
            y: Their targets ``[row]``.
        """
        check_is_fitted(self)
        y = self._scaled(_targets(X, y))
        found = copy.copy(self)
        found.levels_ = {group: levels.extended(X) for group, levels in self.levels_.items()}
        found.effects_ = self.effects_.given(found._design(X), y)
        return found


def _check_automatic(slopes: str) -> None:
    """Raise if ``slopes`` is a word other than ``"auto"``."""
    require(slopes == "auto", f"Parameter `slopes` should be 'auto' or columns. Found {slopes!r}.")


def _targets(X: Any, y: Any) -> np.ndarray:
    """Give ``y`` as finite numbers ``[row]``.

    Raises:
        UserError: If ``X`` is no DataFrame, or ``y`` holds other values.
    """
    check_frame(X)
    found: np.ndarray = column_or_1d(y).astype(np.float64)
    check_consistent_length(X, found)
    require(
        bool(np.isfinite(found).all()), "`y` should hold finite numbers. Found NaN or infinity."
    )
    return found


def _with_one(columns: np.ndarray) -> np.ndarray:
    """Put a column of ones before ``columns``."""
    return np.concatenate([np.ones((len(columns), 1)), columns], 1)


__all__ = ["CrossedRegressor"]
