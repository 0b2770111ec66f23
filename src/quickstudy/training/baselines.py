"""The plain baselines every result stands next to."""

import copy
import sys
from collections.abc import Iterator, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.learners import MAML, Adapted, Finetune, Learner
from quickstudy.learners.embedding import members
from quickstudy.models.protocol import traits
from quickstudy.random import ambient
from quickstudy.targets import Target, mean_over_examples

Baselines = Literal["none", "quick", "all"]
"""Which baselines are run: quick ones learn nothing, all are also untrained and from scratch."""
FROM_SCRATCH_TASKS = 50
FROM_SCRATCH_STEPS = 30
"""Training from scratch on every support set is slow: it is run on the first 50 tasks."""


class NearestNeighbour(Learner):
    """The class of the nearest support example by Euclidean distance on raw inputs."""

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
            members(support, support.target.way or 0, support.mask.dtype),
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


class Guess(Learner):
    """Predicts the target's plain guess from the support labels, whatever the input.

    It is the mean of numbers, and the frequencies of classes.
    """

    @property
    def test_steps(self) -> int:
        """0: nothing is learned."""
        return 0

    def losses(self, episodes: Episode) -> Tensor:
        """The loss of every task ``[task]``; there is nothing to train."""
        query = episodes.query
        scores = self.scores(next(self.trajectory(episodes.support, [0])), query.x)
        return query.target.losses(scores, query.y, query.mask)

    def trajectory(self, support: Batch, steps: Sequence[int]) -> Iterator[Adapted]:
        """The guesses ``[task, *score]``."""
        guess = support.target.guess(support.y, support.mask)
        for _ in steps:
            yield {"guess": guess}

    def scores(self, adapted: Adapted, x: Tensor) -> Tensor:
        """The guess for every example ``[task, example, *score]``."""
        guess = adapted["guess"].unsqueeze(1)
        return guess.expand(-1, x.shape[1], *guess.shape[2:])


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


def from_scratch(learner: Learner, target: Target, seed: int) -> Learner | None:
    """Give the same network with fresh weights, to be trained on each support set by itself.

    It takes 30 steps of Adam at 0.01. A network that gives embeddings gets a linear head; None if
    their length is not known, or there is no network to train.
    """
    model = getattr(untrained(learner, seed), "model", None)
    if not isinstance(model, nn.Module) or not any(True for _ in model.parameters()):
        return None
    if learner.model_output() == "scores":
        return _by_gradient(model, bool(target.way) and learner.any_way)
    size = traits(model).embedding_size or getattr(learner, "embedding_size", None)
    if size is None:
        return None
    if not target.way:
        head = nn.Linear(size, target.scores)
        return _by_gradient(nn.Sequential(model, nn.Flatten(), head), shared_head=False)
    return Finetune(
        nn.Sequential(model, nn.Flatten()),
        target.way,
        inner_lr=0.01,
        test_steps=FROM_SCRATCH_STEPS,
        statistics="support",
        embedding_size=size,
    )


def _by_gradient(model: nn.Module, shared_head: bool) -> MAML:
    return MAML(
        model,
        0.01,
        FROM_SCRATCH_STEPS,
        inner_optimiser="adam",
        statistics="support",
        shared_head=shared_head,
    )


def baselines_for(
    learner: Learner, target: Target, seed: int, which: Baselines = "all"
) -> dict[str, tuple[Learner, int]]:
    """Give the baselines of a target by name, each with the most tasks it is run on.

    Classes stand beside the nearest neighbour on raw inputs, anything else beside the target's own
    guess. If ``which`` is ``"all"``, they stand beside the same learner with untrained weights, and
    the same network trained from scratch on each support set, too.

    Raises:
        UserError: If ``which`` is none of the choices.
    """
    known = ", ".join(get_args(Baselines))
    message = f"Parameter `baselines` should be one of {known}. Found {which!r}."
    require(which in get_args(Baselines), message)
    if which == "none":
        return {}
    found: dict[str, tuple[Learner, int]] = {}
    if target.way:
        found["nearest neighbour"] = (NearestNeighbour(), sys.maxsize)
    else:
        found["support mean"] = (Guess(), sys.maxsize)
    if which == "quick":
        return found
    fresh = untrained(learner, seed)
    if fresh is not None:
        found["untrained"] = (fresh, 200 if learner.test_steps else sys.maxsize)
    scratch = from_scratch(learner, target, seed)
    if scratch is not None:
        found["from scratch"] = (scratch, FROM_SCRATCH_TASKS)
    return found
