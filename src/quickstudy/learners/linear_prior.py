"""A learned prior over a task's linear weights: adapting is one posterior, in closed form."""

import math
from statistics import NormalDist

import torch
from torch import Tensor, nn

from quickstudy.episode import Batch
from quickstudy.errors import require
from quickstudy.learners.embedding import EmbeddingLearner
from quickstudy.learners.empirical_bayes import Moments, Prior, empirical_bayes
from quickstudy.learners.learner import Adapted, evaluating
from quickstudy.models.trunk import embedding_size_of
from quickstudy.targets import Numbers, Target
from quickstudy.tasks import TableTasks


class LinearPrior(EmbeddingLearner):
    """Bayesian linear regression on features, with a prior learned from all tasks: ALPaCA.

    The targets of a task are ``y = φ(x) w + ε`` with ``φ(x) = [f(x), 1]``, ``w ~ N(μ, Σ)`` and ``ε
    ~ N(0, σ²)``, each target on its own. :meth:`adapt` computes the posterior ``w | support ~ N(m,
    P)``:

    ``P = (Σ⁻¹ + Φᵀ Φ / σ²)⁻¹``, ``m = P (Σ⁻¹ μ + Φᵀ y / σ²)``,

    and a new example has the distribution ``N(φ(x) m, φ(x) P φ(x)ᵀ + σ²)``. The loss of a query is
    minus the logarithm of its density, from which ``f``, ``μ``, ``Σ`` and ``σ²`` are learned by
    gradient. Where ``f`` has nothing to learn (``nn.Identity()``: raw features), :meth:`fit_tasks`
    finds ``μ``, ``Σ`` and ``σ²`` at once by expectation maximisation.

    Args:
        model: Features ``[example, feature]``; ``nn.Identity()`` for the inputs themselves.
        targets: Number of targets.
        embedding_size: Length of the features; by default the model's ``embedding_size``.
        prior_scale: Standard deviation of the weights to start from.
        noise_scale: Standard deviation of the noise to start from.
        bf16: Compute the features under bfloat16 autocast.

    Raises:
        UserError: If a number is not positive, the length of the features is not known, or targets
            are classes.

    Source: Harrison, Sharma & Pavone 2018, eq. 6–10, there with one noise and one covariance for
        all targets. Lindley &
    Smith 1972 for the model on raw features.

    Example:
        >>> import quickstudy as qs, torch
        >>> learner = qs.LinearPrior(torch.nn.Identity(), embedding_size=1)
        >>> support = qs.Batch.of(torch.tensor([[-1.0], [1.0]]), torch.tensor([[0.0], [2.0]]))
        >>> learner.predict(learner.adapt(support), torch.tensor([[[0.0]]]))
        tensor([[[0.6667]]])
    """

    def __init__(
        self,
        model: nn.Module,
        targets: int = 1,
        embedding_size: int | None = None,
        prior_scale: float = 1.0,
        noise_scale: float = 1.0,
        bf16: bool = False,
    ) -> None:
        super().__init__(model, bf16)
        for name, value in (
            ("targets", targets),
            ("prior_scale", prior_scale),
            ("noise_scale", noise_scale),
        ):
            require(value > 0, f"Parameter `{name}` should be positive. Found {name}={value}.")
        self.targets, self.prior_scale, self.noise_scale = targets, prior_scale, noise_scale
        self.embedding_size = embedding_size_of(model, embedding_size)
        size = self.embedding_size + 1
        self.mean, self.factor = (
            nn.Parameter(torch.empty(targets, size)),
            nn.Parameter(torch.empty(targets, size, size)),
        )
        self.log_noise = nn.Parameter(torch.empty(targets))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """A prior around 0, alike in all directions."""
        nn.init.zeros_(self.mean)
        with torch.no_grad():
            self.factor.copy_(
                self.prior_scale * torch.eye(self.factor.shape[1]).expand_as(self.factor)
            )
        nn.init.constant_(self.log_noise, 2 * math.log(self.noise_scale))

    def fit_tasks(
        self, tasks: TableTasks, iterations: int = 50, shrinkage: float = 0.5
    ) -> list[Prior]:
        """Set ``μ``, ``Σ`` and ``σ²`` of every target by
        :func:`~quickstudy.learners.empirical_bayes.empirical_bayes`.

        Rows in any number: each task is summed up once. The model stays as it is.
        """
        with evaluating(self), torch.no_grad():
            features = with_one(self.features(tasks.x).flatten(1)).double()
            targets = tasks.y.double()
            require(
                targets.shape[1] == self.targets,
                f"Tasks should have {self.targets} targets. Found {targets.shape[1]}.",
            )
            found = []
            for index, column in enumerate(targets.unbind(1)):
                prior = empirical_bayes(
                    Moments.of(features, column, tasks.sizes), iterations, shrinkage
                )
                self.mean[index], self.factor[index] = prior.mean, prior.factor
                self.log_noise[index] = prior.noise.log()
                found.append(prior)
        return found

    def serves(self, target: Target) -> str | None:
        """Numbers, as many as the prior has targets."""
        if target == Numbers((self.targets,)):
            return None
        return (
            f"It regresses: labels should be [task, example, target] with {self.targets} "
            "floating-point targets."
        )

    def counts(self, support: Batch, query: Batch) -> Tensor:
        """Say which queries count in the loss ``[task, example]``: all real ones."""
        return query.mask

    def summarise(self, embedded: Tensor, support: Batch, way: int) -> Adapted:
        """The posterior's ``mean`` ``[task, target, feature]`` and a ``factor`` of its covariance ``[task, target, feature, feature]``."""
        features, prior = with_one(embedded.flatten(2)), self.factor.tril()
        residual = (support.y - features @ self.mean.T).transpose(1, 2).unsqueeze(
            -1
        ) * support.mask.to(features.dtype)[:, None, :, None]
        white = (features * support.mask.to(features.dtype).unsqueeze(-1)).unsqueeze(1) @ prior
        noise = self.log_noise.exp().reshape(-1, 1, 1)
        eye = torch.eye(prior.shape[1], dtype=features.dtype, device=features.device)
        root = torch.linalg.cholesky(eye + white.transpose(-1, -2) @ white / noise)
        shift = torch.cholesky_solve(white.transpose(-1, -2) @ residual / noise, root)
        factor = torch.linalg.solve_triangular(
            root, prior.transpose(-1, -2).expand_as(root), upper=False
        ).transpose(-1, -2)
        return {"mean": self.mean + (prior @ shift).squeeze(-1), "factor": factor}

    def compare(self, embedded: Tensor, adapted: Adapted) -> Tensor:
        """The means of new examples ``[task, example, target]``."""
        return with_one(embedded.flatten(2)) @ adapted["mean"].transpose(1, 2)

    def query_losses(self, embedded: Tensor, query: Batch, adapted: Adapted) -> Tensor:
        """Minus the logarithm of the density of every query ``[task, example]``, averaged over the targets."""
        mean, variance = self.compare(embedded, adapted), self._variance(embedded, adapted)
        return 0.5 * ((2 * math.pi * variance).log() + (query.y - mean).square() / variance).mean(
            -1
        )

    def interval(self, adapted: Adapted, x: Tensor, level: float = 0.9) -> tuple[Tensor, Tensor]:
        """The bounds ``[task, example, target]`` between which a new example's target lies with
        probability ``level``.

        Args:
            adapted: What :meth:`adapt` returned.
            x: New inputs ``[task, example, *feature]``.
            level: Between 0 and 1.

        Raises:
            UserError: If ``level`` is not between 0 and 1.
        """
        require(0 < level < 1, f"Parameter `level` should be between 0 and 1. Found level={level}.")
        with evaluating(self), torch.no_grad():
            embedded = self.embed(x, None)
            mean, half = (
                self.compare(embedded, adapted),
                NormalDist().inv_cdf(0.5 + level / 2) * self._variance(embedded, adapted).sqrt(),
            )
        return mean - half, mean + half

    def _variance(self, embedded: Tensor, adapted: Adapted) -> Tensor:
        """The variance of new examples ``[task, example, target]``."""
        spread = with_one(embedded.flatten(2)).unsqueeze(1) @ adapted["factor"]
        return spread.square().sum(-1).transpose(1, 2) + self.log_noise.exp()


def with_one(features: Tensor) -> Tensor:
    """``[..., feature]`` with a column of ones, for the intercept."""
    return torch.cat([features, torch.ones_like(features[..., :1])], -1)


__all__ = ["LinearPrior", "with_one"]
