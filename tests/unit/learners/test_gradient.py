"""The parent of learners that adapt, on a network of one weight."""

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy.learners.gradient import KEPT_BYTES
from tests.unit.learners.slope import RATE, SUPPORT, slope


def test_a_trajectory_halves_the_distance_in_every_step():
    states = qs.MAML(slope(), RATE).adaptations(SUPPORT, [0, 1, 1, 3])
    assert [state["weight"].item() for state in states] == pytest.approx([1, 2, 2, 2.75])


def test_as_many_tasks_are_kept_as_have_states_that_fit():
    for optimiser, tensors in (("sgd", 1), ("momentum", 2), ("adam", 3)):
        learner = qs.MAML(slope(), RATE, 4, None, optimiser, "stepwise")
        assert learner.tasks_kept(SUPPORT) == KEPT_BYTES // (8 * tensors * 4)
        assert learner.most_together(SUPPORT) == learner.tasks_kept(SUPPORT)
    assert qs.MAML(slope(), RATE, 4, mapping=3).most_together(SUPPORT) == 3


def test_frozen_parameters_are_not_meta_learned():
    learner = qs.MAML(nn.Sequential(slope().requires_grad_(False), slope()), RATE)
    assert list(learner.meta()) == ["model.1.weight"]
    assert list(learner.adapt(SUPPORT)) == ["1.weight"]


def test_targets_have_to_fit_the_outputs_of_the_network():
    learner = qs.MAML(qs.models.MLP(2, 3))
    assert learner.serves(qs.targets.Classes(3)) is None
    assert learner.serves(qs.targets.Classes(4)) == (
        "Parameter `way` should be at most the outputs of the network. Found way=4, 3 outputs."
    )
    assert learner.serves(qs.targets.Numbers((2,))) == (
        "The network should have 2 outputs. Found 3."
    )


def test_batch_norms_with_running_averages_stay_in_evaluation_mode():
    model = nn.Sequential(nn.Linear(1, 2), nn.BatchNorm1d(2), nn.Linear(2, 1))
    learner = qs.MAML(model, statistics="frozen").train()
    assert [learner.model[1].training, learner.model[2].training] == [False, True]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inner_steps": -1}, r"`inner_steps` should be at least 0. Found inner_steps=-1"),
        ({"test_steps": -2}, r"`test_steps` should be at least 0. Found test_steps=-2"),
        ({"statistics": "own"}, r"one of support, transductive, frozen. Found 'own'"),
        ({"proximal": -1.0}, r"`proximal` should be at least 0. Found proximal=-1.0"),
        ({"proximal": torch.inf}, r"`proximal` should be at least 0. Found proximal=inf"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(qs.UserError, match=message):
        qs.MAML(slope(), **options)


def test_a_network_needs_a_parameter_to_learn():
    with pytest.raises(qs.UserError, match="should have a parameter with requires_grad=True"):
        qs.MAML(slope().requires_grad_(False))
