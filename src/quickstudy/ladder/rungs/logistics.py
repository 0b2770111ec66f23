"""Many logistic regressions at once, with a penalty for each."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.linalg import cholesky

from quickstudy.learners.linear_prior import with_one

FOLDS = 3
INVERSE_PENALTIES = (0.01, 0.1, 1.0, 10.0)
PENALTY = 0.1
"""The inverse penalty if there are too few rows to choose it."""
STEPS = 100
HALVINGS = 6
IMPOSSIBLE = -1e6
"""The lower bound of log-probabilities."""
FIRM = 1e-6
"""The tiny penalty of the intercepts."""


@dataclass(frozen=True)
class Problems:
    """Rows of many classifications with the same classes; a problem may lack some classes.

    Attributes:
        x: Features and a one ``[problem, row, feature]``.
        y: Labels of zeros and ones, all 0 for padding ``[problem, row, class]``.
    """

    x: Tensor
    y: Tensor

    @classmethod
    def of(cls, x: Tensor, y: Tensor, mask: Tensor, way: int) -> "Problems":
        """Make them of features, class indices ``[problem, row]`` and a mask."""
        labels = F.one_hot(y, way).to(x.dtype) * mask.unsqueeze(-1)
        return cls(with_one(x), labels)

    @property
    def closed(self) -> Tensor:
        """Give the offset of the scores that makes a class that a problem lacks impossible.

        It is −∞ for such a class, and 0 for others ``[problem, 1, class]``.
        """
        count = self.y.sum(1, keepdim=True)
        return torch.zeros_like(count).masked_fill(count == 0, -torch.inf)

    def log_likelihood(self, scores: Tensor) -> Tensor:
        """Sum the log-probabilities of the labels ``[problem]``, by ``scores``."""
        logs = scores.log_softmax(-1).clamp(min=IMPOSSIBLE)
        return (logs * self.y).sum((1, 2))

    def blocks(self, spread: Tensor) -> Tensor:
        """Sum products of features, weighted for every class.

        ``xᵀ diag(spread) x`` ``[problem, class, feature, feature]``.
        """
        weighted = self.x.unsqueeze(1) * spread.mT.unsqueeze(-1)
        return weighted.mT @ self.x.unsqueeze(1)

    def some(self, problems: Tensor) -> "Problems":
        """Give some of the problems."""
        return Problems(self.x[problems], self.y[problems])

    def only(self, rows: Tensor) -> "Problems":
        """Give the same problems with only some ``rows`` ``[problem, row]``."""
        return Problems(self.x, self.y * rows.unsqueeze(-1))


@dataclass(frozen=True)
class Logistics:
    """A logistic regression of every problem.

    Attributes:
        weights: ``[problem, feature, class]``, intercepts last.
        closed: 0 for a class that the problem has, −∞ for a class that it lacks.
    """

    weights: Tensor
    closed: Tensor

    @classmethod
    def chosen(cls, problems: Problems, seed: int) -> "Logistics":
        """Fit every problem with the inverse penalty of the least cross-validated log-loss.

        Problems with a class of fewer than three rows take 0.1.
        """
        few = _has_few(problems)
        inverse = torch.full((len(few),), PENALTY, dtype=problems.x.dtype)
        if not bool(few.all()):
            inverse[~few] = _chosen(problems.some(~few), seed)
        return cls.fit(problems, inverse)

    @classmethod
    def fit(cls, problems: Problems, inverse: Tensor) -> "Logistics":
        """Fit every problem with its penalty.

        It maximises ``log P(y | x) − ‖w‖² / 2C``, in which two classes share ``w``. A step solves
        with twice the blocks ``xᵀ diag(p (1 − p)) x`` of the classes, which is Newton's step for
        two classes. It is halved while it makes a problem worse.

        Args:
            problems: The rows.
            inverse: ``C`` of every problem ``[problem]``.

        Source: Böhning 1992 for a bound on the second derivative; here the graph Laplacian
            ``diag(p) − p pᵀ`` is at most twice its diagonal, which holds at every weight.
        """
        hold = _held(problems, inverse)
        weights = problems.x.new_zeros(*hold.shape, problems.y.shape[2])
        found = cls(weights, problems.closed)
        best = found._gain(problems, hold)
        for _ in range(STEPS):
            found, gain = found._improved(best, problems, hold)
            if bool((gain - best <= 1e-7 * gain.abs() + 1e-9).all()):
                break
            best = gain
        return found

    def scores(self, x: Tensor) -> Tensor:
        """Give the scores of rows with a one ``[problem, row, class]``."""
        return x @ self.weights + self.closed

    def probabilities(self, x: Tensor) -> Tensor:
        """Give the probabilities of rows ``[problem, row, feature]``."""
        return self.scores(with_one(x)).softmax(-1)

    def _gain(self, problems: Problems, hold: Tensor) -> Tensor:
        """Give the objective that is maximised ``[problem]``."""
        squares = self.weights.square() * hold.unsqueeze(-1)
        return problems.log_likelihood(self.scores(problems.x)) - 0.5 * squares.sum((1, 2))

    def _step(self, problems: Problems, hold: Tensor) -> Tensor:
        """Give the step of all weights ``[problem, feature, class]``."""
        p = self.scores(problems.x).softmax(-1) * problems.y.sum(-1, keepdim=True)
        pull = problems.x.mT @ (problems.y - p) - hold.unsqueeze(-1) * self.weights
        curvature = 2 * problems.blocks(p * (1 - p)) + torch.diag_embed(hold).unsqueeze(1)
        return _solved(curvature, pull)

    def _improved(
        self, best: Tensor, problems: Problems, hold: Tensor
    ) -> tuple["Logistics", Tensor]:
        """Take a step, halved for the problems that it makes worse; give the gain too."""
        step = self._step(problems, hold)
        for _ in range(HALVINGS):
            tried = self._moved(step)
            gain = tried._gain(problems, hold)
            worse = gain < best - 1e-9 * best.abs()
            if not bool(worse.any()):
                return tried, gain
            step = torch.where(worse[:, None, None], step / 2, step)
        return self._moved(step * ~worse[:, None, None]), torch.where(worse, best, gain)

    def _moved(self, step: Tensor) -> "Logistics":
        return Logistics(self.weights + step, self.closed)


def _solved(curvature: Tensor, pull: Tensor) -> Tensor:
    """Solve for every class ``[problem, feature, class]``."""
    root = cholesky(curvature)
    return torch.cholesky_solve(pull.mT.unsqueeze(-1), root)[..., 0].mT


def _has_few(problems: Problems) -> Tensor:
    """Say which problems have a class with fewer rows than folds ``[problem]``."""
    counts = problems.y.sum(1)
    return counts.where(counts > 0, torch.inf).min(1).values < FOLDS


def _held(problems: Problems, inverse: Tensor) -> Tensor:
    """Give the penalty of every weight ``[problem, feature]``, tiny for the intercept.

    For two classes, scikit-learn has one weight vector ``w``, which is ``±w/2`` here.
    """
    two = (problems.y.sum(1) > 0).sum(1) == 2
    hold = (torch.where(two, 2.0, 1.0) / inverse).unsqueeze(1) * torch.ones_like(problems.x[:, 0])
    hold[:, -1] = FIRM
    return hold


def _chosen(problems: Problems, seed: int) -> Tensor:
    """Give the inverse penalty of the least log-loss on rows that were left out ``[problem]``."""
    fold = _folds(problems, seed)
    losses = [_loss(problems, fold, inverse) for inverse in INVERSE_PENALTIES]
    return problems.x.new_tensor(INVERSE_PENALTIES)[torch.stack(losses).argmin(0)]


def _loss(problems: Problems, fold: Tensor, inverse: float) -> Tensor:
    """Sum the log-loss of rows that were left out ``[problem]``."""
    held = [_held_out(problems, fold == index, inverse) for index in range(FOLDS)]
    return -torch.stack(held).sum(0)


def _held_out(problems: Problems, held: Tensor, inverse: float) -> Tensor:
    """Fit to all rows but the ``held`` ones, and give the log-likelihood of these ``[problem]``."""
    strength = inverse * torch.ones_like(problems.x[:, 0, 0])
    model = Logistics.fit(problems.only(~held), strength)
    return problems.only(held).log_likelihood(model.scores(problems.x))


def _folds(problems: Problems, seed: int) -> Tensor:
    """Put every row into a fold, the rows of each class evenly ``[problem, row]``."""
    draw = torch.Generator().manual_seed(seed)
    order = torch.randperm(problems.y.shape[1], generator=draw)
    return (_rank(problems.y[:, order]) % FOLDS)[:, order.argsort()]


def _rank(labels: Tensor) -> Tensor:
    """Count the rows of a row's class up to it ``[problem, row]``."""
    return (labels.cumsum(1) * labels).sum(-1).long()


def parts(sizes: Sequence[int], at_once: int) -> list[slice]:
    """Divide problems of the ``sizes`` into runs of about ``at_once`` padded rows."""
    runs: list[slice] = []
    first = 0
    for end in range(1, len(sizes) + 1):
        here = sizes[first : end + 1]
        if end == len(sizes) or max(here) * len(here) > at_once:
            runs.append(slice(first, end))
            first = end
    return runs


__all__ = ["INVERSE_PENALTIES", "PENALTY", "Logistics", "Problems", "parts"]
