"""The plain baselines that every result is compared with."""

import copy
import sys
from abc import abstractmethod
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
"""The baselines to run: quick ones learn nothing; all adds untrained and from scratch."""
Chosen = dict[str, tuple[Learner, int]]
"""Baselines by their names, each with the most tasks that it is run on."""
UNTRAINED_TASKS = 200
"""An untrained learner that takes inner steps is run on the first 200 tasks."""
FROM_SCRATCH_TASKS = 50
FROM_SCRATCH_STEPS = 30
"""Training from scratch on every support set is slow, so it is run on the first 50 tasks."""


class Untaught(Learner):
    """A learner that training does not change: it only uses the support set."""

    @property
    def test_steps(self) -> int:
        """Always 0, because nothing is learned."""
        return 0

    @abstractmethod
    def seen(self, support: Batch) -> Adapted:
        """Give the state that is kept of the support set."""

    def trajectory(self, support: Batch, steps: Sequence[int]) -> Iterator[Adapted]:
        """Give the state after each number of steps: always the same."""
        seen = self.seen(support)
        for _ in steps:
            yield dict(seen)

    def answers(self, episodes: Episode) -> Tensor:
        """Give the scores of the queries ``[task, example, *score]``."""
        return self.scores(self.seen(episodes.support), episodes.query.x)


class NearestNeighbour(Untaught):
    """Gives the class of the nearest support example by Euclidean distance on raw inputs."""

    def losses(self, episodes: Episode) -> Tensor:
        """Give the error rate of every task ``[task]``; there is nothing to train."""
        wrong = (self.answers(episodes).argmax(-1) != episodes.query.y).float()
        return mean_over_examples(wrong, episodes.query.mask)

    def seen(self, support: Batch) -> Adapted:
        """Give the support set itself, and its ``members`` ``[task, example, class]``."""
        x = support.x.flatten(2).to(support.mask.dtype)
        membership = members(support, support.target.way or 0, support.mask.dtype)
        return {"x": x, "members": membership}

    def scores(self, adapted: Adapted, x: Tensor) -> Tensor:
        """Give minus the distance to the nearest example of a class ``[task, example, class]``."""
        known = adapted["x"]
        mode = "donot_use_mm_for_euclid_dist"
        distance = torch.cdist(x.flatten(2).to(known.dtype), known, compute_mode=mode)
        others = adapted["members"].unsqueeze(1) == 0
        return -distance.unsqueeze(-1).masked_fill(others, torch.inf).amin(2)


class Guess(Untaught):
    """Predicts the target's plain guess from the support labels, whatever the input.

    It is the mean of numbers, and the frequencies of classes.
    """

    def losses(self, episodes: Episode) -> Tensor:
        """Give the loss of every task ``[task]``; there is nothing to train."""
        query = episodes.query
        return query.target.losses(self.answers(episodes), query.y, query.mask)

    def seen(self, support: Batch) -> Adapted:
        """Give the guesses ``[task, *score]``."""
        return {"guess": support.target.guess(support.y, support.mask)}

    def scores(self, adapted: Adapted, x: Tensor) -> Tensor:
        """Give the guess for every example ``[task, example, *score]``."""
        guess = adapted["guess"].unsqueeze(1)
        return guess.expand(-1, x.shape[1], *guess.shape[2:])


def untrained(learner: Learner, seed: int) -> Learner | None:
    """Copy ``learner`` with fresh initial weights; None if a module does not say how to draw them.

    Frozen parameters stay as they are.
    """
    fresh = copy.deepcopy(learner)
    with ambient(seed, "untrained"):
        drawn = all(_drawn_again(module) for module in fresh.modules())
    return fresh if drawn else None


def _drawn_again(module: nn.Module) -> bool:
    """Draw the trained weights of ``module`` itself again; False if it does not say how."""
    if not _is_trained(module):
        return True
    reset = getattr(module, "reset_parameters", None)
    if callable(reset):
        reset()
    return callable(reset)


def _is_trained(module: nn.Module) -> bool:
    """Say whether weights of ``module`` itself, not of its parts, are trained."""
    return any(own.requires_grad for own in module.parameters(recurse=False))


def from_scratch(learner: Learner, target: Target, seed: int) -> Learner | None:
    """Give the same network with fresh weights, to be trained on each support set separately.

    It takes 30 steps of Adam at 0.01. A network that gives embeddings gets a linear head. The
    result is None if their length is not known, or if there is no network to train.
    """
    model = _network(untrained(learner, seed))
    if model is None:
        return None
    if learner.model_output() == "scores":
        return _by_gradient(model, bool(target.way) and learner.any_way)
    size = traits(model).embedding_size or getattr(learner, "embedding_size", None)
    return None if size is None else _with_head(nn.Sequential(model, nn.Flatten()), size, target)


def _network(learner: Learner | None) -> nn.Module | None:
    """Give the network of ``learner``; None if it has none with parameters."""
    model = getattr(learner, "model", None)
    trained = isinstance(model, nn.Module) and next(model.parameters(), None) is not None
    return model if trained else None


def _with_head(body: nn.Module, size: int, target: Target) -> Learner:
    """Give a network of embeddings of length ``size`` a linear head, trained on every task."""
    if not target.way:
        head = nn.Linear(size, target.scores)
        return _by_gradient(nn.Sequential(*body.children(), head), shared_head=False)
    return _fine_tuned(body, size, target.way)


def _fine_tuned(body: nn.Module, size: int, way: int) -> Finetune:
    return Finetune(
        body,
        way,
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


def baselines_for(learner: Learner, target: Target, seed: int, which: Baselines = "all") -> Chosen:
    """Give the baselines of a target by name, each with the most tasks it is run on.

    For classes it is the nearest neighbour on raw inputs, for other targets their plain guess. If
    ``which`` is ``"all"``, two more baselines are the same learner with untrained weights, and the
    same network trained from scratch on each support set.

    Raises:
        UserError: If ``which`` is not one of the choices.
    """
    known = get_args(Baselines)
    message = f"Parameter `baselines` should be one of {', '.join(known)}. Found {which!r}."
    require(which in known, message)
    if which == "none":
        return {}
    quick = _quick(target)
    return quick if which == "quick" else quick | _slow(learner, target, seed)


def _quick(target: Target) -> Chosen:
    """Give the baseline that learns nothing."""
    if target.way:
        return {"nearest neighbour": (NearestNeighbour(), sys.maxsize)}
    return {"support mean": (Guess(), sys.maxsize)}


def _slow(learner: Learner, target: Target, seed: int) -> Chosen:
    """Give the baselines with the learner's network, if it has one."""
    limit = UNTRAINED_TASKS if learner.test_steps else sys.maxsize
    others = {
        "untrained": (untrained(learner, seed), limit),
        "from scratch": (from_scratch(learner, target, seed), FROM_SCRATCH_TASKS),
    }
    return {name: (one, most) for name, (one, most) in others.items() if one is not None}
