"""A learned prior over a task's linear weights: adapting is a posterior in closed form."""

import math
from statistics import NormalDist

import torch
from torch import Tensor, nn

from quickstudy.episode import Batch
from quickstudy.errors import require, require_positive
from quickstudy.learners.embedding import EmbeddingLearner
from quickstudy.learners.empirical_bayes import empirical_bayes
from quickstudy.learners.learner import Adapted
from quickstudy.learners.priors import student
from quickstudy.learners.priors.moments import Moments, TargetMoments
from quickstudy.learners.priors.own_noise import freedoms, precisions
from quickstudy.learners.priors.posterior import (
    posterior,
    posterior_factor,
    reset_prior,
    with_one,
)
from quickstudy.learners.priors.prior import Prior
from quickstudy.learners.priors.roots import root_beside_one
from quickstudy.models.functional import evaluating
from quickstudy.models.trunk import embedding_size_of
from quickstudy.targets import Numbers, Target
from quickstudy.tasks import TableTasks


class LinearPrior(EmbeddingLearner):
    """Regress linearly on features, with a prior learned from all tasks: ALPaCA.

    The targets of a task are ``y = φ(x) w + ε`` with ``φ(x) = [f(x), 1]``, ``w ~ N(μ, Σ)`` and
    ``ε ~ N(0, σ²)``, separately for each target. :meth:`adapt` computes the posterior
    ``w | support ~ N(m, P)``:

    ``P = (Σ⁻¹ + Φᵀ Φ / σ²)⁻¹``, ``m = P (Σ⁻¹ μ + Φᵀ y / σ²)``,

    and a new example has the distribution ``N(φ(x) m, φ(x) P φ(x)ᵀ + σ²)``. The loss of a query is
    minus the logarithm of its density, from which ``f``, ``μ``, ``Σ`` and ``σ²`` are learned by
    gradient. If ``f`` has nothing to learn (``nn.Identity()``: raw features), :meth:`fit_tasks`
    finds ``μ``, ``Σ`` and ``σ²`` directly, by their evidence. It may also find that tasks have
    noise of their own, ``σ_t² = σ² / k`` with ``k ~ Gamma(a, a)``. Then ``k`` is taken at its mean
    given the support, and new examples have Student's distribution with ``2 a + rows`` degrees of
    freedom. Posteriors are computed in double precision.

    Args:
        model: Features ``[example, feature]``; ``nn.Identity()`` for the inputs themselves.
        targets: Number of targets.
        embedding_size: Length of the features; by default the model's ``embedding_size``.
        prior_scale: Initial standard deviation of the weights.
        noise_scale: Initial standard deviation of the noise.
        bf16: Compute the features under bfloat16 autocast.

    Raises:
        UserError: If a number is not positive, the length of the features is not known, or targets
            are classes.

    Source: Harrison, Sharma & Pavone 2018, eq. 6–10, there with one noise and one covariance for
        all targets. Lindley & Smith 1972 for the model on raw features.

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
        require_positive(targets=targets, prior_scale=prior_scale, noise_scale=noise_scale)
        self.targets = targets
        self.prior_scale, self.noise_scale = prior_scale, noise_scale
        self.embedding_size = embedding_size_of(model, embedding_size)
        self._add_parameters(self.embedding_size + 1)
        self.reset_parameters()

    def _add_parameters(self, size: int) -> None:
        """Make room for the priors of weights of ``size`` features."""
        targets = self.targets
        self.mean = nn.Parameter(torch.empty(targets, size))
        self.factor = nn.Parameter(torch.empty(targets, size, size))
        self.log_noise = nn.Parameter(torch.empty(targets))
        self.noise_shape: Tensor
        self.register_buffer("noise_shape", torch.empty(targets))

    def reset_parameters(self) -> None:
        """Put the prior back to its start: around 0, alike in all directions."""
        reset_prior(self.mean, self.factor, self.prior_scale)
        nn.init.constant_(self.log_noise, 2 * math.log(self.noise_scale))
        nn.init.constant_(self.noise_shape, math.inf)

    def fit_tasks(
        self, tasks: TableTasks, structure: str = "auto", noise: str = "auto"
    ) -> list[Prior]:
        """Fit the prior of every target to training tasks by its evidence.

        Tasks may have any number of rows: each is summed up once. The model stays as it is.

        Args:
            tasks: Training tasks.
            structure: The structure of ``Σ``, see
                :func:`~quickstudy.learners.empirical_bayes.empirical_bayes`.
            noise: ``shared`` by all tasks, ``own`` or ``auto``, see there.

        Returns:
            The prior of every target.

        Raises:
            UserError: If tasks have another number of targets, or an argument is unknown.
        """
        with evaluating(self), torch.no_grad():
            found = [empirical_bayes(each, structure, noise) for each in self._moments(tasks)]
            for index, prior in enumerate(found):
                self._take(index, prior)
        return found

    def _moments(self, tasks: TableTasks) -> list[Moments]:
        """Sum up the rows of ``tasks`` for every target, in double precision."""
        self._check_targets(tasks.y.shape[1])
        features = with_one(self.features(tasks.x).flatten(1)).double()
        return [Moments.of(features, y, tasks.sizes) for y in tasks.y.double().unbind(1)]

    def _check_targets(self, found: int) -> None:
        """Raise if tasks have another number of targets."""
        require(found == self.targets, f"Tasks should have {self.targets} targets. Found {found}.")

    def _take(self, target: int, prior: Prior) -> None:
        """Make ``prior`` the prior of the ``target``."""
        self.mean[target] = prior.mean
        self.factor[target] = prior.factor
        self.log_noise[target] = prior.noise.log()
        self.noise_shape[target] = prior.shape

    def serves(self, target: Target) -> str | None:
        """Serve numbers, as many as the prior has targets."""
        if target == Numbers((self.targets,)):
            return None
        return (
            "It regresses: labels should be [task, example, target] "
            f"with {self.targets} floating-point targets."
        )

    def counts(self, support: Batch, query: Batch) -> Tensor:
        """Return the weight of every query in the loss ``[task, example]``: all real ones count."""
        return query.mask

    def summarise(self, embedded: Tensor, support: Batch, way: int) -> Adapted:
        """Return the posterior of the weights.

        Returns:
            Its ``mean`` ``[task, target, feature]`` and a ``factor`` of its covariance
            ``[task, target, feature, feature]``. If tasks have noise of their own, also the
            variance of the task's ``noise`` and the degrees of ``freedom`` ``[task, target]``.
        """
        sums = _summed(embedded, support)
        own = self._own_noise(sums)
        found = self._posterior(sums, own.get("noise", self._noise())) | own
        return {name: value.to(embedded.dtype) for name, value in found.items()}

    def _posterior(self, sums: TargetMoments, noise: Tensor) -> Adapted:
        """Return the mean and a factor of the covariance of the weights.

        Args:
            sums: Over the rows of tasks.
            noise: Its variance ``[target]``, or ``[task, target]``.
        """
        prior, mean = wide(self.factor.tril()), wide(self.mean)
        turned, scale = prior.mT, noise.reshape(-1, self.targets, 1, 1)
        root = root_beside_one(turned @ sums.gram.unsqueeze(1) @ prior / scale)
        away = torch.cholesky_solve(turned @ sums.pull(mean) / scale, root)
        return posterior(mean, prior, away, root)

    def _own_noise(self, sums: TargetMoments) -> Adapted:
        """Return each task's ``noise`` and ``freedom``; nothing if noise is the same for all."""
        if bool(self.noise_shape.isinf().all()):
            return {}
        noise = self._noise() / self._precisions(sums)
        return {"noise": noise, "freedom": freedoms(wide(self.noise_shape), sums.count)}

    def _precisions(self, sums: TargetMoments) -> Tensor:
        """Return the relative precision of each task's noise ``[task, target]``."""
        places = range(self.targets)
        return torch.stack([precisions(self.prior(at), sums.of_target(at)) for at in places], 1)

    def _noise(self) -> Tensor:
        """Return the variance of the noise of every target ``[target]``."""
        return wide(self.log_noise).exp()

    def prior(self, target: int) -> Prior:
        """Return the prior of a target, as a value that nothing is learned through."""
        mean, factor = self.mean[target].detach(), self.factor[target].detach()
        noise, shape = self._noise()[target].detach(), float(self.noise_shape[target])
        return Prior(wide(mean), wide(factor.tril()), noise, shape=shape)

    def compare(self, embedded: Tensor, adapted: Adapted) -> Tensor:
        """Return the means of new examples ``[task, example, target]``."""
        return with_one(embedded.flatten(2)) @ adapted["mean"].mT

    def query_losses(self, embedded: Tensor, query: Batch, adapted: Adapted) -> Tensor:
        """Return minus the log density of every query, mean over targets ``[task, example]``."""
        away = query.y - self.compare(embedded, adapted)
        variance = self._variance(embedded, adapted)
        return -_log_density(away, variance, adapted).mean(-1)

    def interval(self, adapted: Adapted, x: Tensor, level: float = 0.9) -> tuple[Tensor, Tensor]:
        """Return bounds between which a new example's target lies with probability ``level``.

        Args:
            adapted: The result of :meth:`adapt`.
            x: New inputs ``[task, example, *feature]``.
            level: Between 0 and 1.

        Returns:
            The lower and the upper bounds, ``[task, example, target]`` each.

        Raises:
            UserError: If ``level`` is not between 0 and 1.
        """
        require(0 < level < 1, f"Parameter `level` should be between 0 and 1. Found level={level}.")
        mean, deviation = self._mean_and_deviation(adapted, x)
        half = _deviations(0.5 + level / 2, adapted) * deviation
        return mean - half, mean + half

    def _mean_and_deviation(self, adapted: Adapted, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return them for new examples; nothing is learned through them."""
        with evaluating(self), torch.no_grad():
            embedded = self.embed(x, None)
            deviation = self._variance(embedded, adapted).sqrt()
            return self.compare(embedded, adapted), deviation

    def _variance(self, embedded: Tensor, adapted: Adapted) -> Tensor:
        """Return the variance of new examples ``[task, example, target]``.

        If tasks have noise of their own, it is the square of the scale of Student's distribution.
        """
        spread = with_one(embedded.flatten(2)).unsqueeze(1) @ adapted["factor"]
        return spread.square().sum(-1).mT + self._noise_of(adapted)

    def _noise_of(self, adapted: Adapted) -> Tensor:
        """Return the variance of the noise, to be added to ``[task, example, target]``."""
        if "noise" in adapted:
            return adapted["noise"].unsqueeze(1)
        return self.log_noise.exp()


def _summed(embedded: Tensor, support: Batch) -> TargetMoments:
    """Sum up the examples of tasks in double precision, padding left out."""
    mask = wide(support.mask).unsqueeze(-1)
    features = wide(with_one(embedded.flatten(2))) * mask
    return TargetMoments.of(features, wide(support.y) * mask, mask.sum((1, 2)))


def _log_density(away: Tensor, variance: Tensor, adapted: Adapted) -> Tensor:
    """Return the log density of values that lie ``away`` from the mean of every target."""
    if "freedom" in adapted:
        return student.log_density(away, variance, adapted["freedom"].unsqueeze(1))
    return _normal_log_density(away, variance)


def _normal_log_density(away: Tensor, variance: Tensor) -> Tensor:
    return -0.5 * (away.square() / variance + variance.log() + math.log(2 * math.pi))


def _deviations(probability: float, adapted: Adapted) -> Tensor | float:
    """Return the quantile of new examples in scales, of every task and target or of all."""
    if "freedom" in adapted:
        return student.quantile(probability, adapted["freedom"]).unsqueeze(1)
    return NormalDist().inv_cdf(probability)


def wide(values: Tensor) -> Tensor:
    """Return ``values`` in double precision, if their device has it."""
    return values if values.device.type == "mps" else values.double()


__all__ = ["LinearPrior", "posterior_factor", "wide", "with_one"]
