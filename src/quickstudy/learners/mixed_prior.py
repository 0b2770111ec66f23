"""A learned prior for each of several targets of different kinds, on the same features."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from quickstudy.episode import Batch
from quickstudy.learners.embedding import EmbeddingLearner
from quickstudy.learners.empirical_bayes import Prior
from quickstudy.learners.learner import Adapted, evaluating
from quickstudy.learners.linear_prior import LinearPrior
from quickstudy.learners.logistic_bayes import ClassPrior
from quickstudy.learners.logistic_prior import LogisticPrior
from quickstudy.models.trunk import embedding_size_of
from quickstudy.targets import Numbers, Several, Target
from quickstudy.tasks import TableTasks
from quickstudy.tasks.parts import batches_by_target, tasks_by_target


class MixedPrior(EmbeddingLearner):
    """:class:`~quickstudy.LinearPrior` for every target that is a number and
    :class:`~quickstudy.LogisticPrior` for every one of classes.

    All read the same features ``f(x)``; given these, a target's posterior is that of its own labels
    alone. The loss of a task is ``1/T Σ_t 1/n_t Σ_i L_t(f(x_i), y_it)`` over the ``n_t`` queries
    with a label of target ``t`` and the ``T`` targets with one, where ``L_t`` is minus the
    logarithm of a number's density, or of the probability of a class: its features are learned for
    all targets.

    Args:
        model: Features ``[example, feature]``; ``nn.Identity()`` for the inputs themselves.
        targets: The classes of each target; 0 for a number.
        embedding_size: Length of the features; by default the model's ``embedding_size``.
        prior_scale: Standard deviation of the weights to start from.
        noise_scale: Standard deviation of the noise of numbers to start from.
        posterior_steps: Steps of adapting to classes.
        bf16: Compute the features under bfloat16 autocast.

    Raises:
        UserError: If a number is not positive, the length of the features is not known, a target
            has a single class, or labels are not those of ``targets``.

    Source: that of the two; ours is their sum.

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
        self.targets, self.prior_scale, self.noise_scale, self.posterior_steps = (
            tuple(targets),
            prior_scale,
            noise_scale,
            posterior_steps,
        )
        self.target = Several(targets)
        self.embedding_size = embedding_size_of(model, embedding_size)
        number = (1, self.embedding_size, prior_scale, noise_scale)
        self.priors = nn.ModuleList(
            LogisticPrior(nn.Identity(), classes, self.embedding_size, prior_scale, posterior_steps)
            if classes
            else LinearPrior(nn.Identity(), *number)
            for classes in targets
        )

    def serves(self, target: Target) -> str | None:
        """The targets it has; numbers only, if it has no others."""
        numbers = Numbers((len(self.targets),))
        if target == self.target or (target == numbers and not any(self.targets)):
            return None
        return f"It predicts the targets {self.targets}: 0 is a number, n are n classes."

    def counts(self, support: Batch, query: Batch) -> Tensor:
        """Say which queries count in the loss ``[task, example]``: all real ones."""
        return query.mask

    def reset_parameters(self) -> None:
        """Every prior around 0, alike in all directions."""
        for prior in self._priors:
            prior.reset_parameters()

    def fit_tasks(
        self, tasks: TableTasks, iterations: int = 50, shrinkage: float = 0.5
    ) -> list[Prior | ClassPrior]:
        """Fit the prior of every target to the rows that have a label of it.

        The model stays as it is.
        """
        with evaluating(self), torch.no_grad():
            embedded = replace(tasks, x=self.features(tasks.x).flatten(1))
        found: list[Prior | ClassPrior] = []
        for prior, own in zip(self._priors, tasks_by_target(embedded, self.target), strict=True):
            fitted = prior.fit_tasks(own, iterations, shrinkage)
            found += fitted if isinstance(fitted, list) else [fitted]
        return found

    def summarise(self, embedded: Tensor, support: Batch, way: int) -> Adapted:
        """The posterior of every target; the place of the target stands before the names of its tensors, ``0.mean`` say."""
        found: Adapted = {}
        for place, (prior, own) in enumerate(
            zip(self._priors, batches_by_target(support, self.target), strict=True)
        ):
            known = own.target.way or 0
            found |= {
                f"{place}.{name}": value
                for name, value in prior.summarise(embedded, own, known).items()
            }
        return found

    def compare(self, embedded: Tensor, adapted: Adapted) -> Tensor:
        """The scores of new examples ``[task, example, score]``: the mean of a number, or the scores of classes, target by target."""
        return torch.cat(
            [
                prior.compare(embedded, _of(adapted, place))
                for place, prior in enumerate(self._priors)
            ],
            -1,
        )

    def query_losses(self, embedded: Tensor, query: Batch, adapted: Adapted) -> Tensor:
        """What every query adds to the mean over a task's queries ``[task, example]``, weighted so that targets count alike."""
        total, there = torch.zeros_like(query.mask), torch.zeros_like(query.mask[:, :1])
        for place, (prior, own) in enumerate(
            zip(self._priors, batches_by_target(query, self.target), strict=True)
        ):
            count = own.mask.sum(1, keepdim=True)
            losses = prior.query_losses(embedded, own, _of(adapted, place))
            total = total + losses * own.mask * query.mask.sum(1, keepdim=True) / count.clamp(min=1)
            there = there + (count > 0)
        return total / there.clamp(min=1)

    def interval(self, adapted: Adapted, x: Tensor, level: float = 0.9) -> tuple[Tensor, Tensor]:
        """The bounds ``[task, example, score]`` of a new example's numbers, as of :meth:`LinearPrior.interval`; NaN for classes."""
        with evaluating(self), torch.no_grad():
            embedded = self.embed(x, None).flatten(2)
        found = []
        for place, prior in enumerate(self._priors):
            if isinstance(prior, LinearPrior):
                found.append(torch.stack(prior.interval(_of(adapted, place), embedded, level)))
            else:
                found.append(embedded.new_full((2, *embedded.shape[:2], prior.way), torch.nan))
        low, high = torch.cat(found, -1)
        return low, high

    @property
    def _priors(self) -> list[LinearPrior | LogisticPrior]:
        return list(self.priors)  # type: ignore[arg-type]


def _of(adapted: Adapted, place: int) -> Adapted:
    """The tensors of one target."""
    return {
        name.partition(".")[2]: value
        for name, value in adapted.items()
        if name.startswith(f"{place}.")
    }


__all__ = ["MixedPrior"]
