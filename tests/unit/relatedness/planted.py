"""Linear tasks in planted groups, and a probe for them."""

from dataclasses import replace

import torch
from torch import Tensor, nn

import quickstudy as qs
from quickstudy.learners.empirical_bayes import Moments, empirical_bayes


def planted(
    seed: int,
    rows: int,
    each: int = 6,
    spread: float = 1.0,
    within: float = 0.15,
    noise: float = 0.5,
) -> tuple[qs.Episode, Tensor]:
    """Three groups of ``each`` tasks ``y = w_t x + ε``, and the group of every task.

    ``w_t`` lies around the centre of its group.
    """
    draw = qs.generator(seed, "planted")
    groups = torch.arange(3).repeat(each)
    centres = spread * torch.randn(3, 6, generator=draw)
    weights = centres[groups] + within * torch.randn(len(groups), 6, generator=draw)
    x = torch.randn(len(groups), rows, 6, generator=draw)
    y = x @ weights.unsqueeze(-1) + noise * torch.randn(len(groups), rows, 1, generator=draw)
    parts = [
        qs.Batch(x[:, own], y[:, own], torch.ones(x[:, own].shape[:2]))
        for own in (slice(1), slice(1, None))
    ]
    return qs.Episode(parts[0], parts[1], torch.arange(len(groups))), groups


def probe(measure: str, tasks: qs.Episode) -> qs.Learner | nn.Module:
    """The probe of a measure, fitted to all rows."""
    x, y = (
        torch.cat([getattr(part, name) for part in (tasks.support, tasks.query)], 1)
        for name in ("x", "y")
    )
    flat, targets = x.flatten(0, 1), y.flatten(0, 1)
    if measure == "posterior":
        learner = qs.LinearPrior(nn.Identity(), embedding_size=6)
        ones = torch.cat([flat, torch.ones_like(targets)], 1).double()
        prior = empirical_bayes(Moments.of(ones, targets[:, 0].double(), [x.shape[1]] * len(x)))
        with torch.no_grad():
            learner.mean[0], learner.factor[0] = prior.mean, prior.factor
            learner.log_noise[0] = prior.noise.log()
        return learner
    if measure == "fisher":
        sharing = qs.HardSharing(
            qs.models.MLP(6, 1, hidden=(12,)), 1, inner_lr=0.05, test_steps=30, proximal=0.05
        )
        optimizer = torch.optim.Adam(sharing.model.parameters(), lr=1e-2)
        pooled = replace(tasks, task=torch.zeros_like(tasks.task))
        for _ in range(150):
            optimizer.zero_grad()
            sharing.losses(pooled).mean().backward()
            optimizer.step()
        return sharing
    line = nn.Linear(6, 1, bias=False)
    with torch.no_grad():
        line.weight.copy_(torch.linalg.lstsq(flat, targets).solution.T)
    return line
