"""The plain baselines every result stands next to."""

import copy
import sys
from collections.abc import Iterator, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from quickstudy.episode import Batch, Episode, Kind
from quickstudy.errors import require
from quickstudy.learners import MAML, Adapted, EmbeddingLearner, Finetune, GradientLearner, Learner
from quickstudy.learners.embedding import members
from quickstudy.learners.loss import mean_over_examples, num_classes, task_losses
from quickstudy.models.trunk import embedding_size_of
from quickstudy.random import ambient

Baselines = Literal["none", "quick", "all"]
"""Which baselines are run: quick ones learn nothing, all are also untrained and from scratch."""
FROM_SCRATCH_TASKS = 50
FROM_SCRATCH_STEPS = 30
"""Training from scratch on every support set is slow: it is run on the first 50 tasks."""


class NearestNeighbour(Learner):
    """The class of the nearest support example by Euclidean distance on raw inputs: 1-nearest-neighbour."""

    @property
    def test_steps(self) -> int:
        """0: nothing is learned."""
        return 0

    def losses(self, episodes: Episode) -> Tensor:
        """The error rate of every task ``[task]``; there is nothing to train."""
        scores = self.scores(next(self.trajectory(episodes.support, [0])), episodes.query.x)
        return mean_over_examples(
            (scores.argmax(-1) != episodes.query.y).float(), episodes.query.mask
        )

    def trajectory(self, support: Batch, steps: Sequence[int]) -> Iterator[Adapted]:
        """The support set itself, and its ``members`` ``[task, example, class]``."""
        x, membership = (
            support.x.flatten(2).to(support.mask.dtype),
            members(support, num_classes(support), support.mask.dtype),
        )
        for _ in steps:
            yield {"x": x, "members": membership}

    def scores(self, adapted: Adapted, x: Tensor) -> Tensor:
        """Minus the distance to the nearest example of every class ``[task, example, class]``."""
        distance = torch.cdist(
            x.flatten(2).to(adapted["x"].dtype),
            adapted["x"],
            compute_mode="donot_use_mm_for_euclid_dist",
        )
        return (
            -distance.unsqueeze(-1)
            .masked_fill(adapted["members"].unsqueeze(1) == 0, torch.inf)
            .amin(2)
        )


class SupportMean(Learner):
    """Predicts the mean of the support targets, whatever the input.

    Of several ``targets`` (classes of each, 0 for a number) a number's mean and the logarithms of
    the classes' frequencies, with one example of each class added; 0 for a number without a label.
    """

    def __init__(self, targets: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.targets = targets

    @property
    def test_steps(self) -> int:
        """0: nothing is learned."""
        return 0

    def losses(self, episodes: Episode) -> Tensor:
        """The loss of every task ``[task]``; there is nothing to train."""
        scores = self.scores(next(self.trajectory(episodes.support, [0])), episodes.query.x)
        return task_losses(scores, episodes.query.y, episodes.query.mask, self.targets)

    def trajectory(self, support: Batch, steps: Sequence[int]) -> Iterator[Adapted]:
        """The means ``[task, score]``."""
        targets = self.targets or (0,) * support.y.shape[-1]
        columns = zip(support.y.unbind(-1), targets, strict=True)
        mean = torch.cat([_marginal(y, support.mask, classes) for y, classes in columns], 1)
        for _ in steps:
            yield {"mean": mean}

    def scores(self, adapted: Adapted, x: Tensor) -> Tensor:
        """The mean for every example ``[task, example, target]``."""
        mean = adapted["mean"].unsqueeze(1)
        return mean.expand(-1, x.shape[1], -1)


def _marginal(y: Tensor, mask: Tensor, classes: int) -> Tensor:
    """The mean ``[task, 1]``, or the log-frequencies of ``classes`` ``[task, class]``, of the labels ``y`` ``[task, example]``."""
    real = (mask > 0) & y.isfinite()
    if not classes:
        return (torch.where(real, y, 0).sum(1) / real.sum(1).clamp(min=1)).unsqueeze(1)
    own = (y.unsqueeze(-1) == torch.arange(classes, device=y.device)) & real.unsqueeze(-1)
    return (own.sum(1) + 1).to(mask.dtype).div(real.sum(1, keepdim=True) + classes).log()


def untrained(learner: Learner, seed: int) -> Learner | None:
    """A copy of ``learner`` with fresh initial weights, or None where a module does not say how to
    draw them.

    Frozen parameters stay as they are.
    """
    fresh = copy.deepcopy(learner)
    with ambient(seed, "untrained"):
        for module in fresh.modules():
            own = list(module.parameters(recurse=False))
            if not any(parameter.requires_grad for parameter in own):
                continue
            reset = getattr(module, "reset_parameters", None)
            if not callable(reset):
                return None
            reset()
    return fresh


def from_scratch(learner: Learner, kind: Kind, seed: int) -> Learner | None:
    """The same network with fresh weights, trained on each support set alone by 30 steps of Adam at 0.01."""
    model = getattr(untrained(learner, seed), "model", None)
    if not isinstance(model, nn.Module) or not any(True for _ in model.parameters()):
        return None
    if (isinstance(learner, EmbeddingLearner) and learner.classifies) or (
        isinstance(learner, Finetune) and learner.head is not None
    ):
        size = getattr(model, "embedding_size", None) or getattr(learner, "embedding_size", None)
        if size is None:
            return None
        return Finetune(
            nn.Sequential(model, nn.Flatten()),
            kind.outputs,
            inner_lr=0.01,
            test_steps=FROM_SCRATCH_STEPS,
            statistics="support",
            embedding_size=size,
        )
    if not learner.classifies:
        model = nn.Sequential(
            model, nn.Flatten(), nn.Linear(embedding_size_of(model, None), kind.outputs)
        )
    shared = kind.name == "classification" and learner.any_way
    return MAML(
        model,
        0.01,
        FROM_SCRATCH_STEPS,
        inner_optimiser="adam",
        statistics="support",
        shared_head=shared,
    )


def baselines_for(
    learner: Learner, kind: Kind, seed: int, which: Baselines = "all"
) -> dict[str, tuple[Learner, int]]:
    """The baselines of a kind of tasks by name, each with the most tasks it is run on.

    Classification: nearest neighbour on raw inputs. Regression: the support mean. Both: the same
    learner with untrained weights, and the same network trained from scratch on each support set;
    these only if ``which`` is ``"all"``.

    Raises:
        UserError: If ``which`` is none of the choices.
    """
    known = ", ".join(get_args(Baselines))
    message = f"Parameter `baselines` should be one of {known}. Found {which!r}."
    require(which in get_args(Baselines), message)
    if which == "none":
        return {}
    simple: tuple[str, Learner] = (
        ("nearest neighbour", NearestNeighbour())
        if kind.name == "classification"
        else ("support mean", SupportMean(kind.targets))
    )
    found: dict[str, tuple[Learner, int]] = {simple[0]: (simple[1], sys.maxsize)}
    if which == "quick":
        return found
    fresh = untrained(learner, seed)
    if fresh is not None:
        found["untrained"] = (
            fresh,
            sys.maxsize if not isinstance(learner, GradientLearner) else 200,
        )
    scratch = from_scratch(learner, kind, seed)
    if scratch is not None:
        found["from scratch"] = (scratch, FROM_SCRATCH_TASKS)
    return found
