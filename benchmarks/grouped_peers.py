"""Peers of the learned prior on grouped tables: mixed models, ridge and boosting with the group."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from torch import Tensor

from quickstudy.episode import Batch, Episode
from quickstudy.ladder.rungs import Rung
from quickstudy.ladder.rungs.rung import in_parts
from quickstudy.learners import LinearPrior
from quickstudy.learners.linear_prior import with_one
from quickstudy.learners.priors.curves import curved
from quickstudy.learners.priors.fits import Fit
from quickstudy.learners.priors.moments import Moments
from quickstudy.learners.priors.prior import Prior
from quickstudy.learners.priors.structures import Full, Tied
from quickstudy.models import Expansion
from quickstudy.tasks import TableTasks

Rows = np.ndarray


class WithGroup(Rung):
    """A model of scikit-learn that sees the group; refitted on the known rows of new groups."""

    def fit(self, train: TableTasks, seed: int) -> None:
        self.x, self.y = train.x.double().numpy(), train.y[:, 0].double().numpy()
        self.task, self.train, self.seed = train.task.numpy(), train, seed
        self.groups = len(train.names)
        self.model = self.fitted(self.x, self.y, self.task, self.groups)

    def predict(self, episode: Episode, known: bool) -> Tensor:
        query, mask = episode.query, episode.query.mask > 0
        if known:
            groups, model = np.array(self.train.places(episode.task)), self.model
        else:
            groups = self.groups + np.arange(episode.num_tasks)
            model = self._refitted(episode.support, groups)
        own = groups[mask.nonzero()[:, 0].numpy()]
        found = torch.zeros_like(query.y, dtype=torch.float64)
        values = self.ask(model, query.x[mask].double().numpy(), own)
        found[mask] = torch.from_numpy(values).unsqueeze(1)
        return found

    def _refitted(self, support: Batch, groups: Rows):
        real = support.mask > 0
        own = groups[real.nonzero()[:, 0].numpy()]
        x = np.concatenate([self.x, support.x[real].double().numpy()])
        y = np.concatenate([self.y, support.y[real][:, 0].double().numpy()])
        task = np.concatenate([self.task, own])
        return self.fitted(x, y, task, self.groups + len(groups))


class OneHotRidge(WithGroup):
    """Ridge on the features and the group one-hot; the penalty by leaving out rows."""

    name = "ridge, group one-hot"

    def fitted(self, x: Rows, y: Rows, task: Rows, groups: int):
        self.all = groups
        return RidgeCV(np.logspace(-2, 4, 13)).fit(self._design(x, task), y)

    def _design(self, x: Rows, task: Rows) -> Rows:
        return np.concatenate([x, np.eye(self.all)[task]], 1)

    def ask(self, model, x: Rows, task: Rows) -> Rows:
        self.all = model.n_features_in_ - x.shape[1]
        return model.predict(self._design(x, task))


class GroupBoosting(WithGroup):
    """Gradient boosting with the group as a category; the number of trees by inner validation."""

    name = "boosting, group as category"

    def fitted(self, x: Rows, y: Rows, task: Rows, groups: int):
        design = np.column_stack([x, task])
        made = HistGradientBoostingRegressor(
            learning_rate=0.05,
            max_iter=500,
            max_leaf_nodes=8,
            l2_regularization=5.0,
            early_stopping=True,
            validation_fraction=0.15,
            categorical_features=[x.shape[1]] if groups <= 255 else None,
            random_state=self.seed,
        )
        return made.fit(design, y)

    def ask(self, model, x: Rows, task: Rows) -> Rows:
        return model.predict(np.column_stack([x, task]))


class MixedModel(Rung):
    """A linear mixed model by restricted maximum likelihood: lme4's, in closed form.

    Args:
        slopes: ``intercept``, ``diagonal`` or ``full``: how the weights of features differ.
        squares: Whether squares of the features are features too.
    """

    def __init__(self, slopes: str, squares: bool = False) -> None:
        self.slopes, self.squares = slopes, squares
        self.name = f"mixed model, {slopes}{', squares' if squares else ''}"

    def fit(self, train: TableTasks, seed: int) -> None:
        pairs = tuple((place, place) for place in curved(train.x)) if self.squares else ()
        self.learner = LinearPrior(Expansion(train.x.shape[1], products=pairs)).double()
        with torch.no_grad():
            features = with_one(self.learner.features(train.x)).double()
            moments = Moments.of(features, train.y[:, 0].double(), train.sizes)
            scales = moments.deviations()
            fit = restricted(moments.scaled(*scales), self.slopes)
            self.learner._take(0, Prior.at(fit.evidence).unscaled(*scales))

    def predict(self, episode: Episode, known: bool) -> Tensor:
        return in_parts(self.learner, episode, self.learner.predict)


def restricted(moments: Moments, slopes: str) -> Fit:
    """Climb the restricted likelihood, with no prior over the covariance."""
    size = len(moments.cross[0])
    vary = moments.vary_within()
    active = vary.nonzero().squeeze(1) if slopes != "intercept" else torch.tensor([size - 1])
    start = moments.cross.new_full((len(active) + 1,), 0.2)
    start[-1] = 0
    eye = torch.eye(len(active), dtype=start.dtype)
    fit = Fit.climbing(Tied(moments, active, eye, math.inf), start)
    if slopes != "full":
        return fit
    deviations = fit.at[:-1].abs().clamp(min=0.01)
    around = Full(moments, active, deviations, 0.0)
    return Fit.climbing(around, torch.cat([around.start, fit.at[-1:]]))


PEERS: dict[str, Callable[[], Rung]] = {
    OneHotRidge.name: OneHotRidge,
    GroupBoosting.name: GroupBoosting,
}
for _squares in (False, True):
    for _slopes in ("intercept", "diagonal", "full"):
        _make = partial(MixedModel, _slopes, _squares)
        PEERS[_make().name] = _make
