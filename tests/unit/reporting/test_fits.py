"""Fits show the true curve, the support set and every stage of the learner."""

from dataclasses import replace

import pytest
import torch

import quickstudy as qs
from quickstudy import reporting
from quickstudy.errors import UserError
from quickstudy.training.baselines import Guess
from tests.unit.reporting.small import drawn


def test_fits_show_curve_support_and_every_stage() -> None:
    learner = qs.MAML(qs.models.MLP(1, 1, hidden=(8,)), inner_lr=0.01)
    source = qs.tasks.Sinusoid().episodes(shot=4, query=3)
    figure = drawn(reporting.sinusoid_fits(learner, source))
    assert len(figure.axes) == 6
    episode = replace(source, query=200).sample(6, qs.Moment(0, "picture"))
    for task, axes in enumerate(figure.axes):
        shown = {
            line.get_gid(): torch.as_tensor(line.get_xydata(), dtype=torch.float32)
            for line in axes.lines
        }
        assert list(shown) == ["true", "after 0", "after 1", "after 5", "after 10", "support"]
        assert torch.equal(
            shown["support"], torch.cat([episode.support.x[task], episode.support.y[task]], 1)
        )
        x = shown["true"][:, :1]
        assert bool((x.diff(dim=0) >= 0).all())
        one = learner.adapt(episode.support[task : task + 1], steps=5)
        assert torch.allclose(
            shown["after 5"][:, 1], learner.predict(one, x[None])[0, :, 0], atol=1e-5
        )


def test_fits_of_a_learner_without_inner_steps() -> None:
    figure = drawn(reporting.sinusoid_fits(Guess(), qs.tasks.Sinusoid().episodes(4, 3)))
    assert [line.get_label() for line in figure.axes[0].lines] == [
        "true curve",
        "prediction",
        "support",
    ]


def test_fits_need_one_number() -> None:
    plane = qs.tasks.Family(
        lambda tasks, n, generator: (torch.zeros(tasks, n, 2), torch.zeros(tasks, n, 1)), 2, 2
    )
    with pytest.raises(UserError, match="one number to one number"):
        reporting.sinusoid_fits(Guess(), plane)
