"""A learned prior over a task's linear weights for classes: adapting is a logistic regression."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quickstudy.episode import Batch
from quickstudy.errors import require_positive
from quickstudy.learners.embedding import EmbeddingLearner
from quickstudy.learners.learner import Adapted
from quickstudy.learners.logistic_bayes import ClassPrior, logistic_bayes
from quickstudy.learners.priors.posterior import (
    posterior,
    reset_prior,
    with_one,
)
from quickstudy.learners.priors.roots import root_beside_one
from quickstudy.models.functional import evaluating
from quickstudy.models.trunk import embedding_size_of
from quickstudy.targets import Target
from quickstudy.tasks import TableTasks


class LogisticPrior(EmbeddingLearner):
    """Classify linearly on features, with a prior learned from all tasks.

    It is to classes what :class:`~quickstudy.LinearPrior` is to numbers.

    ``P(y = c | x) = softmax(φ(x) w)_c`` with ``φ(x) = [f(x), 1]`` and ``w_c ~ N(μ_c, L_c L_cᵀ)``
    for every class; all tasks have the same classes. :meth:`adapt` takes ``posterior_steps`` steps
    from the prior's mean towards the likeliest weights ``m_c = μ_c + L_c u_c``:

    ``u_c ← u_c + (I + ½ A_cᵀ A_c)⁻¹ (A_cᵀ (1[y = c] − p_c) − u_c)``, ``A_c = Φ L_c``,
    ``p = softmax(Φ w)``.

    The matrix bounds the curvature at any weights, so every step makes them likelier, and it is
    factorised only once. The posterior is taken as ``N(m_c, P_c)`` with ``P_c = L_c (I + A_cᵀ
    diag(p_c (1 − p_c)) A_c)⁻¹ L_cᵀ`` (Laplace's approximation, class by class), and the scores are
    moderated by it: ``φ m_c / √(1 + π/8 φ P_c φᵀ)``. The loss is their cross-entropy, from which
    ``f``, ``μ`` and ``L`` are learned by gradient. If ``f`` has nothing to learn,
    :meth:`fit_tasks` finds ``μ`` and ``L`` directly by expectation maximisation.

    Args:
        model: Features ``[example, feature]``; ``nn.Identity()`` for the inputs themselves.
        way: Number of classes.
        embedding_size: Length of the features; by default the model's ``embedding_size``.
        prior_scale: Initial standard deviation of the weights.
        posterior_steps: Steps of adapting.
        bf16: Compute the features under bfloat16 autocast.

    Raises:
        UserError: If a number is not positive, the length of the features is not known, or a class
            is not one of ``way``.

    Source: Böhning 1992, section 2, for the bound and the steps (there ``½ (I − 11ᵀ/way)`` instead
        of ``½ I``, with which every class is solved by itself). MacKay 1992, section 3, for the
        moderation, here of every class.

    Example:
        >>> import quickstudy as qs, torch
        >>> learner = qs.LogisticPrior(torch.nn.Identity(), way=2, embedding_size=1)
        >>> support = qs.Batch.of(torch.tensor([[-1.0], [1.0]]), torch.tensor([0, 1]))
        >>> scores = learner.predict(learner.adapt(support), torch.tensor([[[-1.0], [3.0]]]))
        >>> scores.softmax(-1).round(decimals=2)
        tensor([[[0.7000, 0.3000],
                 [0.1700, 0.8300]]])
    """

    def __init__(
        self,
        model: nn.Module,
        way: int = 5,
        embedding_size: int | None = None,
        prior_scale: float = 1.0,
        posterior_steps: int = 20,
        bf16: bool = False,
    ) -> None:
        super().__init__(model, bf16)
        require_positive(way=way, prior_scale=prior_scale, posterior_steps=posterior_steps)
        self.way = way
        self.prior_scale, self.posterior_steps = prior_scale, posterior_steps
        self.embedding_size = embedding_size_of(model, embedding_size)
        size = self.embedding_size + 1
        self.mean = nn.Parameter(torch.empty(way, size))
        self.factor = nn.Parameter(torch.empty(way, size, size))
        self.reset_parameters()

    @property
    def any_way(self) -> bool:
        """Return False: every class has its own prior."""
        return False

    def reset_parameters(self) -> None:
        """Put the prior back to its start: around 0, alike in all directions, for all classes."""
        reset_prior(self.mean, self.factor, self.prior_scale)

    def fit_tasks(
        self, tasks: TableTasks, iterations: int = 50, shrinkage: float = 0.5
    ) -> ClassPrior:
        """Fit the prior of every class to training tasks by expectation maximisation.

        The model stays as it is.

        Args:
            tasks: Training tasks.
            iterations: See :func:`~quickstudy.learners.logistic_bayes.logistic_bayes`.
            shrinkage: See there.

        Returns:
            The prior.

        Raises:
            UserError: If tasks have other classes.
        """
        self.check(tasks.target)
        with evaluating(self), torch.no_grad():
            features = with_one(self.features(tasks.x).flatten(1)).double()
            found = logistic_bayes(features, tasks.y, tasks.sizes, self.way, iterations, shrinkage)
            self._take(found)
        return found

    def _take(self, prior: ClassPrior) -> None:
        """Make ``prior`` the prior of all classes."""
        self.mean.copy_(prior.mean)
        self.factor.copy_(prior.factor)

    def serves(self, target: Target) -> str | None:
        """Serve at most the classes that the prior knows."""
        if target.way and target.way <= self.way:
            return None
        return f"It knows {self.way} classes: every example should have one of them."

    def counts(self, support: Batch, query: Batch) -> Tensor:
        """Return the weight of every query in the loss ``[task, example]``: all real ones count.

        The prior tells even of a class that the support set does not show.
        """
        return query.mask

    def summarise(self, embedded: Tensor, support: Batch, way: int) -> Adapted:
        """Return the posterior of the weights.

        Returns:
            Its ``mean`` ``[task, class, feature]`` and a ``factor`` of its covariance
            ``[task, class, feature, feature]``.
        """
        prior = self.factor.tril()
        rows = self._whitened(embedded, support, prior)
        away = self._likeliest(rows)
        root = root_beside_one(rows.curvature(away))
        return posterior(self.mean, prior, away, root)

    def _whitened(self, embedded: Tensor, support: Batch, prior: Tensor) -> "_Rows":
        """Return the examples in the coordinates of a factor of the ``prior``."""
        mask = support.mask.to(embedded.dtype).unsqueeze(-1)
        features = with_one(embedded.flatten(2)) * mask
        labels = F.one_hot(support.y.long(), self.way).to(features.dtype) * mask
        return _Rows(features @ self.mean.T, features.unsqueeze(1) @ prior, labels, mask)

    def _likeliest(self, rows: "_Rows") -> Tensor:
        """Take the steps from the prior's mean: ``u_c`` ``[task, class, feature, 1]``."""
        root = rows.bound()
        away = torch.zeros_like(rows.white[:, :, 0]).unsqueeze(-1)
        for _ in range(self.posterior_steps):
            away = away + torch.cholesky_solve(rows.pull(away) - away, root)
        return away

    def compare(self, embedded: Tensor, adapted: Adapted) -> Tensor:
        """Return the moderated scores of new examples ``[task, example, class]``."""
        features = with_one(embedded.flatten(2))
        moderation = (1 + math.pi / 8 * _spread(features, adapted["factor"])).sqrt()
        return features @ adapted["mean"].mT / moderation


def _spread(features: Tensor, factor: Tensor) -> Tensor:
    """Return the variance of the scores of examples ``[task, example, class]``."""
    return (features.unsqueeze(1) @ factor).square().sum(-1).mT


@dataclass(frozen=True)
class _Rows:
    """Hold the examples of tasks in the coordinates of a factor of the prior.

    The weights of a class are ``μ_c + L_c u_c``, with ``u_c`` called ``away``
    ``[task, class, feature, 1]``.

    Attributes:
        fixed: The scores ``Φ μ`` ``[task, example, class]``.
        white: ``A_c`` ``[task, class, example, feature]``.
        labels: ``1[y = c]``, 0 for padding ``[task, example, class]``.
        mask: 1 for real examples ``[task, example, 1]``.
    """

    fixed: Tensor
    white: Tensor
    labels: Tensor
    mask: Tensor

    def probabilities(self, away: Tensor) -> Tensor:
        """Return the probabilities of classes, 0 for padding ``[task, example, class]``."""
        scores = self.fixed + (self.white @ away).squeeze(-1).mT
        return scores.softmax(-1) * self.mask

    def pull(self, away: Tensor) -> Tensor:
        """Return the gradient of the log likelihood ``[task, class, feature, 1]``."""
        residual = self.labels - self.probabilities(away)
        return self.white.mT @ residual.mT.unsqueeze(-1)

    def bound(self) -> Tensor:
        """Return the factor that bounds the curvature ``[task, class, feature, feature]``.

        It is that of ``I + ½ A_cᵀ A_c``.
        """
        return root_beside_one(0.5 * self.white.mT @ self.white)

    def curvature(self, away: Tensor) -> Tensor:
        """Return minus the second derivative ``[task, class, feature, feature]``."""
        p = self.probabilities(away)
        spread = (p * (1 - p)).mT.unsqueeze(-1)
        return (self.white * spread).mT @ self.white


__all__ = ["LogisticPrior"]
