"""Bad input to learners, models and batches: the message names the parameter and what was found."""

import inspect
from collections.abc import Callable

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy import Batch, UserError
from quickstudy.episode import Episode
from quickstudy.errors import require
from quickstudy.learners import LEARNERS


def model() -> nn.Module:
    return qs.models.MLP(2, 3, hidden=(4,))


def frozen() -> nn.Module:
    return model().requires_grad_(False)


def support(y: torch.Tensor | None = None) -> Batch:
    return Batch.of(torch.zeros(3, 2), torch.arange(3) if y is None else y)


def losses(y: torch.Tensor) -> torch.Tensor:
    return qs.MAML(model()).losses(Episode(support(y), support(y), torch.zeros(1)))


FIXED = {
    "hard_sharing": {"num_tasks": 2},
    "partial_sharing": {"num_tasks": 2, "own": ("head",)},
    "soft_sharing": {"num_tasks": 2},
}
GRADIENT = [
    name for name, learner in LEARNERS.items() if issubclass(learner, qs.learners.GradientLearner)
]


@pytest.mark.parametrize("name", GRADIENT)
@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ({"inner_lr": 0.0}, "inner_lr=0.0"),
        ({"inner_lr": -1.0}, "inner_lr=-1.0"),
        ({"inner_lr": float("nan")}, "inner_lr=nan"),
        ({"inner_steps": -1}, "inner_steps=-1"),
        ({"test_steps": -2}, "test_steps=-2"),
        (
            {"inner_optimiser": "lbfgs"},
            "Parameter `inner_optimiser` should be one of sgd, momentum, adam. Found 'lbfgs'",
        ),
        (
            {"statistics": "running"},
            "Parameter `statistics` should be one of support, transductive, frozen. Found "
            "'running'",
        ),
    ],
)
def test_arguments_of_every_gradient_learner(name, arguments, found):
    if not set(arguments) <= set(inspect.signature(LEARNERS[name].__init__).parameters):
        return
    with pytest.raises(UserError) as error:
        LEARNERS[name](model(), **FIXED.get(name, {}), **arguments)
    assert found in str(error.value) and f"`{next(iter(arguments))}`" in str(error.value)


@pytest.mark.parametrize("name", GRADIENT)
def test_a_model_with_nothing_to_adapt(name):
    with pytest.raises(UserError, match="requires_grad=True"):
        LEARNERS[name](frozen(), **FIXED.get(name, {}))


@pytest.mark.parametrize("mapping", ["pmap", 0, -3, 1.5, None])
def test_a_mapping_that_is_none(mapping):
    with pytest.raises(
        UserError, match=f"Parameter `mapping` should be 'auto', .* Found mapping={mapping!r}"
    ):
        qs.MAML(model(), mapping=mapping).adapt(support())


BAD: dict[str, tuple[Callable[[], object], str]] = {
    "outer_gradient": (
        lambda: qs.MAML(model(), outer_gradient="exact"),
        "Parameter `outer_gradient` should be one of unrolled, stepwise, truncated, "
        "first_order, implicit, neumann. Found 'exact'.",
    ),
    "inner_batch_size": (
        lambda: qs.Reptile(model(), inner_batch_size=0),
        "Parameter `inner_batch_size` should be at least 1. Found inner_batch_size=0.",
    ),
    "embedding_size": (
        lambda: qs.Finetune(torch.nn.Linear(3, 3), 5),
        "Parameter `embedding_size` is needed: this model does not say its own.",
    ),
    "targets": (
        lambda: losses(torch.zeros(3)),
        "MAML cannot serve Numbers(shape=()). The network should have 1 outputs. Found 3.",
    ),
    "target_width": (
        lambda: losses(torch.zeros(3, 2)),
        "MAML cannot serve Numbers(shape=(2,)). The network should have 2 outputs. Found 3.",
    ),
    "protonet_targets": (
        lambda: qs.ProtoNet(model()).adapt(support(torch.zeros(3))),
        "ProtoNet cannot serve Numbers(shape=()). It classifies: every example should have one "
        "class.",
    ),
    "finetune_targets": (
        lambda: qs.Finetune(model(), 5, embedding_size=3).adapt(support(torch.zeros(3))),
        "It was pre-trained on classes: every example should have one class.",
    ),
    "lengths": (
        lambda: Batch.of(torch.zeros(3, 2), torch.arange(4)),
        "`x` and `y` should hold the same number of examples, at least one. Found 3 and 4.",
    ),
    "empty": (lambda: Batch.of(torch.zeros(0, 2), torch.arange(0)), "at least one. Found 0 and 0."),
    "image_size": (
        lambda: qs.models.Conv4(image_size=15),
        "Parameter `image_size` should be at least 16. Found image_size=15.",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_the_message_says_what_was_expected_and_found(name):
    make, message = BAD[name]
    with pytest.raises(UserError) as error:
        make()
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_user_error_is_a_value_error():
    assert issubclass(UserError, ValueError)
    require(True, "not raised")
    with pytest.raises(UserError, match=r"^this one is$"):
        require(False, "this one is")
