"""Any part, step rule and outer gradient go together, or say why not."""

import pytest
import torch

import quickstudy as qs
from quickstudy.learners import Assembled
from quickstudy.learners.outer import Displacement, QueryLoss
from quickstudy.learners.parts import All, Body, Context, Embedding, Head, Named
from quickstudy.learners.steps import Descent, EntryRates, Proposal, StepNorms, StepRates
from tests.laws.battery import Case, close, gradients, normed

VECTORS = Case("vectors", "vectors", lambda: None)
PARTS = {
    "all": All,
    "mean-head": lambda: All("mean"),
    "named": lambda: Named(["0", "*.bias"]),
    "head": lambda: Head("prototypes"),
    "body": Body,
    "context": lambda: Context(3),
    "embedding": lambda: Embedding(size=3, encoder_size=4),
}
STEPS = {
    "momentum": lambda: Descent(0.1, "momentum"),
    "adam": lambda: Descent(0.01, "adam"),
    "step-rates": lambda: Descent(0.1, rates=StepRates()),
    "entry-rates": lambda: Descent(0.1, rates=EntryRates()),
    "norms": lambda: Descent(0.1, norms=StepNorms()),
    "in-turn": lambda: Descent(0.1, batch_size=2),
    "proposal": lambda: Proposal(0.1, hidden_size=2),
}


def assembled(part, step, gradient, **options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Assembled(normed(), part, step, gradient, 2, **options).double()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("part", PARTS)
def test_stepwise_is_unrolled_for_every_part_and_step_rule(part, step):
    if (part, step) == ("head", "norms"):
        return
    episodes = VECTORS.episodes()
    made = [
        assembled(PARTS[part](), STEPS[step](), QueryLoss(outer))
        for outer in ("unrolled", "stepwise")
    ]
    expected, found = (gradients(learner, episodes) for learner in made)
    close(found, expected, 1e-9)
    assert any((gradient != 0).any() for gradient in found[1].values())


@pytest.mark.parametrize("part", ["all", "named", "head", "body"])
def test_the_displacement_is_the_way_of_what_a_task_owns(part):
    learner, episodes = (
        assembled(PARTS[part](), STEPS["adam"](), Displacement()),
        VECTORS.episodes(),
    )
    start, end = (learner.adapt(episodes.support, steps) for steps in (0, 2))
    names = [name for name in start if not name.startswith("statistics")]
    ways = [(start[name] - end[name]).square().flatten(1).sum(1) for name in names]
    close(learner.losses(episodes).detach(), 0.5 * sum(ways))


def test_a_part_of_all_names_is_all():
    episodes = VECTORS.episodes()
    made = [assembled(part, Descent(0.2), QueryLoss()) for part in (All(), Named(["*"]))]
    close(*(gradients(learner, episodes) for learner in made), 0)


@pytest.mark.parametrize(
    ("part", "step", "gradient", "says"),
    [
        ("head", "norms", QueryLoss(), "the norms below the head see no steps"),
        ("all", "proposal", QueryLoss("implicit"), "an inner optimum does not depend on rates"),
        ("all", "momentum", QueryLoss("implicit"), "`proximal` should be positive"),
    ],
)
def test_what_does_not_go_together_is_said(part, step, gradient, says):
    with pytest.raises(qs.UserError, match=says):
        assembled(PARTS[part](), STEPS[step](), gradient)


@pytest.mark.parametrize(
    ("part", "gradient", "says"),
    [
        ("context", QueryLoss(), "layers are modulated"),
        ("all", QueryLoss("stepwise"), "computed in the forward pass"),
        ("all", QueryLoss(first_order_until=3), "changes over training"),
        ("all", QueryLoss(), "A model with batch norms"),
    ],
)
def test_the_reason_why_a_step_is_not_compiled_is_said(part, gradient, says):
    with pytest.raises(qs.UserError, match=f"{says}.*Leave `compile` off"):
        assembled(PARTS[part](), Descent(0.1), gradient).pure_losses()
