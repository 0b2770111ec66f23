"""A learned Gaussian prior over a task's linear weights, for classes: adapting is a regularised logistic regression."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quickstudy.episode import Batch
from quickstudy.errors import require
from quickstudy.learners.embedding import EmbeddingLearner
from quickstudy.learners.learner import Adapted, evaluating
from quickstudy.learners.linear_prior import with_one
from quickstudy.learners.logistic_bayes import ClassPrior, logistic_bayes
from quickstudy.models.trunk import embedding_size_of
from quickstudy.targets import Target
from quickstudy.tasks import TableTasks


class LogisticPrior(EmbeddingLearner):
    """Bayesian logistic regression on features, with a prior learned from all tasks: what
    LinearPrior is for numbers.

    ``P(y = c | x) = softmax(φ(x) w)_c`` with ``φ(x) = [f(x), 1]`` and ``w_c ~ N(μ_c, L_c L_cᵀ)``
    for every class, the same classes in all tasks. :meth:`adapt` takes ``posterior_steps`` steps
    from the prior's mean towards the likeliest weights ``m_c = μ_c + L_c u_c``:

    ``u_c ← u_c + (I + ½ A_cᵀ A_c)⁻¹ (A_cᵀ (1[y = c] − p_c) − u_c)``, ``A_c = Φ L_c``, ``p =
    softmax(Φ w)``.

    The matrix bounds the curvature wherever the weights are, so every step makes them likelier, and
    it is factorised once. The posterior is taken as ``N(m_c, P_c)`` with ``P_c = L_c (I + A_cᵀ
    diag(p_c (1 − p_c)) A_c)⁻¹ L_cᵀ`` (Laplace's approximation, class by class), and the scores are
    moderated by it: ``φ m_c / √(1 + π/8 φ P_c φᵀ)``. The loss is their cross-entropy, from which
    ``f``, ``μ`` and ``L`` are learned by gradient. Where ``f`` has nothing to learn,
    :meth:`fit_tasks` finds ``μ`` and ``L`` at once by expectation maximisation.

    Args:
        model: Features ``[example, feature]``; ``nn.Identity()`` for the inputs themselves.
        way: Number of classes.
        embedding_size: Length of the features; by default the model's ``embedding_size``.
        prior_scale: Standard deviation of the weights to start from.
        posterior_steps: Steps of adapting.
        bf16: Compute the features under bfloat16 autocast.

    Raises:
        UserError: If a number is not positive, the length of the features is not known, or a class
            is not one of ``way``.

    Source: Böhning 1992, section 2, for the bound and the steps (there ``½ (I − 11ᵀ/way)`` in place
        of ``½ I``, which lets every class
    be solved by itself); MacKay 1992, section 3, for the moderation, here of every class.

    Example:
        >>> import quickstudy as qs, torch
        >>> learner = qs.LogisticPrior(torch.nn.Identity(), way=2, embedding_size=1)
        >>> support = qs.Batch.of(torch.tensor([[-1.0], [1.0]]), torch.tensor([0, 1]))
        >>> learner.predict(learner.adapt(support), torch.tensor([[[-1.0], [3.0]]])).softmax(-1).round(decimals=2)
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
        for name, value in (
            ("way", way),
            ("prior_scale", prior_scale),
            ("posterior_steps", posterior_steps),
        ):
            require(value > 0, f"Parameter `{name}` should be positive. Found {name}={value}.")
        self.way, self.prior_scale, self.posterior_steps = way, prior_scale, posterior_steps
        self.embedding_size = embedding_size_of(model, embedding_size)
        size = self.embedding_size + 1
        self.mean, self.factor = (
            nn.Parameter(torch.empty(way, size)),
            nn.Parameter(torch.empty(way, size, size)),
        )
        self.reset_parameters()

    @property
    def any_way(self) -> bool:
        """No: every class has a prior of its own."""
        return False

    def reset_parameters(self) -> None:
        """A prior around 0, alike in all directions and for all classes."""
        nn.init.zeros_(self.mean)
        with torch.no_grad():
            self.factor.copy_(
                self.prior_scale * torch.eye(self.factor.shape[1]).expand_as(self.factor)
            )

    def fit_tasks(
        self, tasks: TableTasks, iterations: int = 50, shrinkage: float = 0.5
    ) -> ClassPrior:
        """Set ``μ`` and ``L`` of every class by :func:`~quickstudy.learners.logistic_bayes.logistic_bayes`. The model stays as it is."""
        self.check(tasks.target)
        with evaluating(self), torch.no_grad():
            features = with_one(self.features(tasks.x).flatten(1)).double()
            found = logistic_bayes(features, tasks.y, tasks.sizes, self.way, iterations, shrinkage)
            self.mean.copy_(found.mean)
            self.factor.copy_(found.factor)
        return found

    def serves(self, target: Target) -> str | None:
        """At most the classes that the prior knows."""
        if target.way and target.way <= self.way:
            return None
        return f"It knows {self.way} classes: every example should have one of them."

    def counts(self, support: Batch, query: Batch) -> Tensor:
        """Say which queries count in the loss ``[task, example]``: all real ones.

        The prior tells of a class that the support set does not show.
        """
        return query.mask

    def summarise(self, embedded: Tensor, support: Batch, way: int) -> Adapted:
        """The weights' ``mean`` ``[task, class, feature]`` and a ``factor`` of their covariance.

        The factor is ``[task, class, feature, feature]``.
        """
        mask = support.mask.to(embedded.dtype).unsqueeze(-1)
        features, prior = with_one(embedded.flatten(2)) * mask, self.factor.tril()
        labels = F.one_hot(support.y.long(), self.way).to(features.dtype) * mask
        white = features.unsqueeze(1) @ prior
        eye = torch.eye(prior.shape[1], dtype=features.dtype, device=features.device)
        root = torch.linalg.cholesky(eye + 0.5 * white.transpose(-1, -2) @ white)
        fixed, away = features @ self.mean.T, torch.zeros_like(white[:, :, 0]).unsqueeze(-1)
        for _ in range(self.posterior_steps):
            p = (fixed + (white @ away).squeeze(-1).transpose(1, 2)).softmax(-1) * mask
            pull = white.transpose(-1, -2) @ (labels - p).transpose(1, 2).unsqueeze(-1)
            away = away + torch.cholesky_solve(pull - away, root)
        p = (fixed + (white @ away).squeeze(-1).transpose(1, 2)).softmax(-1) * mask
        root = torch.linalg.cholesky(
            eye + (white * (p * (1 - p)).transpose(1, 2).unsqueeze(-1)).transpose(-1, -2) @ white
        )
        factor = torch.linalg.solve_triangular(
            root, prior.transpose(-1, -2).expand_as(root), upper=False
        ).transpose(-1, -2)
        return {"mean": self.mean + (prior @ away).squeeze(-1), "factor": factor}

    def compare(self, embedded: Tensor, adapted: Adapted) -> Tensor:
        """The moderated scores of new examples ``[task, example, class]``."""
        features = with_one(embedded.flatten(2))
        spread = (features.unsqueeze(1) @ adapted["factor"]).square().sum(-1).transpose(1, 2)
        return features @ adapted["mean"].transpose(1, 2) / (1 + math.pi / 8 * spread).sqrt()


__all__ = ["LogisticPrior"]
