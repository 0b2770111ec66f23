"""A learned prior for each of several targets of different kinds, on the same features."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from quickstudy.episode import Batch
from quickstudy.learners.embedding import EmbeddingLearner
from quickstudy.learners.learner import Adapted
from quickstudy.learners.linear_prior import LinearPrior
from quickstudy.learners.logistic_bayes import ClassPrior
from quickstudy.learners.logistic_prior import LogisticPrior
from quickstudy.learners.priors.prior import Prior
from quickstudy.models.functional import evaluating
from quickstudy.models.trunk import embedding_size_of
from quickstudy.targets import Numbers, Several, Target
from quickstudy.tasks import TableTasks
from quickstudy.tasks.parts import batches_by_target, tasks_by_target


class MixedPrior(EmbeddingLearner):
    """Predict several targets of different kinds, each by its own learned prior.

    A number is predicted by :class:`~quickstudy.LinearPrior`, a class by
    :class:`~quickstudy.LogisticPrior`. All priors read the same features ``f(x)``. Given these, the
    posterior of a target depends only on its own labels. The loss of a task is
    ``1/T Σ_t 1/n_t Σ_i L_t(f(x_i), y_it)`` over the ``n_t`` queries with a label of target ``t``
    and the ``T`` targets with such a query. ``L_t`` is minus the logarithm of a number's density,
    or of the probability of a class. So the features are learned for all targets.

    Args:
        model: Features ``[example, feature]``; ``nn.Identity()`` for the inputs themselves.
        targets: The classes of each target; 0 for a number.
        embedding_size: Length of the features; by default the model's ``embedding_size``.
        prior_scale: Initial standard deviation of the weights.
        noise_scale: Initial standard deviation of the noise of numbers.
        posterior_steps: Steps of adapting to classes.
        bf16: Compute the features under bfloat16 autocast.

    Raises:
        UserError: If a number is not positive, the length of the features is not known, a target
            has a single class, or labels are not those of ``targets``.

    Source: See the two learned priors; their sum is ours.

    Example:
        >>> import quickstudy as qs, torch
        >>> learner = qs.MixedPrior(torch.nn.Identity(), targets=(0, 2), embedding_size=1)
        >>> y = torch.tensor([[0.0, 0.0], [2.0, float("nan")]])
        >>> support = qs.Batch.of(torch.tensor([[-1.0], [1.0]]), y, qs.targets.Several((0, 2)))
        >>> # a number, and the scores of two classes
        >>> learner.predict(learner.adapt(support), torch.tensor([[[0.0]]])).shape
        torch.Size([1, 1, 3])
    """

    def __init__(
        self,
        model: nn.Module,
        targets: tuple[int, ...] = (0,),
        embedding_size: int | None = None,
        prior_scale: float = 1.0,
        noise_scale: float = 1.0,
        posterior_steps: int = 20,
        bf16: bool = False,
    ) -> None:
        super().__init__(model, bf16)
        self.targets, self.posterior_steps = tuple(targets), posterior_steps
        self.prior_scale, self.noise_scale = prior_scale, noise_scale
        self.target = Several(targets)
        self.embedding_size = embedding_size_of(model, embedding_size)
        self.priors = nn.ModuleList(self._prior(classes) for classes in targets)

    def _prior(self, classes: int) -> LinearPrior | LogisticPrior:
        """Make the prior of a target of ``classes``, or of a number if there are none."""
        features, size = nn.Identity(), self.embedding_size
        scale = self.prior_scale
        if classes:
            return LogisticPrior(features, classes, size, scale, self.posterior_steps)
        return LinearPrior(features, 1, size, scale, self.noise_scale)

    def serves(self, target: Target) -> str | None:
        """Serve the targets it has, or plain numbers if all of these are numbers."""
        numbers = Numbers((len(self.targets),))
        if target == self.target or (target == numbers and not any(self.targets)):
            return None
        return f"It predicts the targets {self.targets}: 0 is a number, n are n classes."

    def counts(self, support: Batch, query: Batch) -> Tensor:
        """Return the weight of every query in the loss ``[task, example]``: all real ones count."""
        return query.mask

    def reset_parameters(self) -> None:
        """Put every prior back to its start: around 0, alike in all directions."""
        for prior in self._priors:
            prior.reset_parameters()

    def fit_tasks(
        self, tasks: TableTasks, structure: str = "auto", noise: str = "auto"
    ) -> list[Prior | ClassPrior]:
        """Fit the prior of every target to the rows that have a label of it.

        The model stays as it is.

        Args:
            tasks: Training tasks.
            structure: Of numbers, see
                :func:`~quickstudy.learners.empirical_bayes.empirical_bayes`.
            noise: Of numbers, see there.

        Returns:
            The prior of every target.
        """
        with evaluating(self), torch.no_grad():
            embedded = replace(tasks, x=self.features(tasks.x).flatten(1))
        found: list[Prior | ClassPrior] = []
        for prior, own in zip(self._priors, tasks_by_target(embedded, self.target), strict=True):
            if isinstance(prior, LinearPrior):
                found += prior.fit_tasks(own, structure, noise)
            else:
                found.append(prior.fit_tasks(own))
        return found

    def summarise(self, embedded: Tensor, support: Batch, way: int) -> Adapted:
        """Return the posterior of every target.

        The names of its tensors begin with the place of the target, as in ``0.mean``.
        """
        found: Adapted = {}
        batches = batches_by_target(support, self.target)
        for place, (prior, own) in enumerate(zip(self._priors, batches, strict=True)):
            posterior = prior.summarise(embedded, own, own.target.way or 0)
            found |= {f"{place}.{name}": value for name, value in posterior.items()}
        return found

    def compare(self, embedded: Tensor, adapted: Adapted) -> Tensor:
        """Score new examples ``[task, example, score]``, target by target.

        A number has one score, its mean; classes have one each.
        """
        priors = enumerate(self._priors)
        scores = [prior.compare(embedded, _of(adapted, place)) for place, prior in priors]
        return torch.cat(scores, -1)

    def query_losses(self, embedded: Tensor, query: Batch, adapted: Adapted) -> Tensor:
        """Return the losses of queries, weighted so that targets count alike ``[task, example]``.

        The mean of these over the queries of a task is its loss.
        """
        total, there = torch.zeros_like(query.mask), torch.zeros_like(query.mask[:, :1])
        queries = query.mask.sum(1, keepdim=True)
        batches = batches_by_target(query, self.target)
        for place, (prior, own) in enumerate(zip(self._priors, batches, strict=True)):
            count = own.mask.sum(1, keepdim=True)
            losses = prior.query_losses(embedded, own, _of(adapted, place))
            total = total + losses * own.mask * queries / count.clamp(min=1)
            there = there + (count > 0)
        return total / there.clamp(min=1)

    def interval(self, adapted: Adapted, x: Tensor, level: float = 0.9) -> tuple[Tensor, Tensor]:
        """Return bounds of a new example's numbers, as a learned prior over a number does.

        Args:
            adapted: The result of :meth:`adapt`.
            x: New inputs ``[task, example, *feature]``.
            level: Between 0 and 1.

        Returns:
            The lower and the upper bounds ``[task, example, score]``, NaN for classes.
        """
        with evaluating(self), torch.no_grad():
            embedded = self.embed(x, None).flatten(2)
        priors = enumerate(self._priors)
        found = [_bounds(prior, _of(adapted, at), embedded, level) for at, prior in priors]
        low, high = torch.cat(found, -1)
        return low, high

    @property
    def _priors(self) -> list[LinearPrior | LogisticPrior]:
        return list(self.priors)  # type: ignore[arg-type]


def _bounds(
    prior: LinearPrior | LogisticPrior, adapted: Adapted, embedded: Tensor, level: float
) -> Tensor:
    """Return the bounds of a target's scores ``[2, task, example, score]``, NaN for classes."""
    if isinstance(prior, LinearPrior):
        return torch.stack(prior.interval(adapted, embedded, level))
    return embedded.new_full((2, *embedded.shape[:2], prior.way), torch.nan)


def _of(adapted: Adapted, place: int) -> Adapted:
    """Return the tensors of the target at ``place``."""
    prefix = f"{place}."
    own = [name for name in adapted if name.startswith(prefix)]
    return {name.removeprefix(prefix): adapted[name] for name in own}


__all__ = ["MixedPrior"]
