"""What cannot be solved is refused with the reason."""

from typing import Any

import pytest
import torch

import quickstudy as qs

OUTER = torch.tensor(1.0, requires_grad=True)
GOOD: dict[str, Any] = {
    "inner_loss": lambda w, meta: (w["w"] - meta["a"]).square().sum(),
    "outer_loss": lambda w, meta: w["w"].sum(),
    "meta": {"a": OUTER},
    "start": {"w": torch.zeros(3)},
    "steps": 2,
    "lr": 0.1,
}
IMPLICIT = {"outer_gradient": "implicit"}
BAD = {
    "way": (
        {"outer_gradient": "exact"},
        "`outer_gradient` should be one of unrolled, stepwise, truncated, first_order, "
        "implicit, neumann",
    ),
    "backward": (
        {"backward_steps": 0},
        "`backward_steps` should be at least 1. Found backward_steps=0",
    ),
    "damping": ({"damping": -1.0}, "`damping` should be at least 0. Found damping=-1.0"),
    "nan": ({"damping": float("nan")}, "`damping` should be at least 0. Found damping=nan"),
    "steps": ({"steps": -1}, "`steps` should be at least 0. Found steps=-1"),
    "lr": ({"lr": 0.0}, "`lr` should be positive. Found lr=0.0"),
    "rates": ({"lr": torch.ones(2)}, "`lr` should be a number or a scalar tensor"),
    "optimiser": (
        {"inner_optimiser": "lbfgs"},
        "`inner_optimiser` should be one of sgd, momentum, adam. Found 'lbfgs'",
    ),
    "meta": (
        {"meta": {"a": 1.0}},
        "`meta` should hold floating-point tensors by name; data belongs into the losses. "
        "Found 'a': float",
    ),
    "integers": (
        {"start": {"w": torch.arange(3)}},
        "`start` should hold floating-point tensors by name.* Found 'w': torch.int64",
    ),
    "nothing": (
        {"start": {}},
        "`start` should hold the weights that the inner steps change. Found none",
    ),
    "inner": (
        {"inner_loss": lambda w, meta: w["w"].outer(w["w"])},
        r"`inner_loss` should give a scalar tensor.* Found \(3, 3\)",
    ),
    "outer": (
        {"outer_loss": lambda w, meta: 1.0},
        "`outer_loss` should give a scalar tensor.* Found float",
    ),
    "axis": (
        {"inner_loss": lambda w, meta: w["w"][:2]},
        r"Where `inner_loss` gives one loss per task, weights.* Found \(2,\) losses and "
        r"weight 'w' with \(3,\)",
    ),
    "implicit-start": (
        IMPLICIT | {"meta": {"a": torch.ones(())}},
        "the optimum does not depend on `start`. Found none",
    ),
    "implicit-steps": (
        IMPLICIT | {"steps": 0},
        "`steps` should be at least 1 with outer_gradient='implicit'",
    ),
    "implicit-lr": (
        IMPLICIT | {"lr": torch.tensor(0.1, requires_grad=True)},
        "`lr` should not require a gradient",
    ),
    "neumann-adam": (
        {"outer_gradient": "neumann", "inner_optimiser": "adam"},
        "`inner_optimiser` should be 'sgd' .* Found 'adam'",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_the_message_says_what_was_expected_and_found(name):
    changed, message = BAD[name]
    with pytest.raises(qs.UserError, match=message) as error:
        qs.bilevel.solve(**GOOD | changed)
    assert "\n" not in str(error.value)


def test_the_good_arguments_are_good():
    for way in ("unrolled", "stepwise", "truncated", "first_order", "implicit", "neumann"):
        assert qs.bilevel.solve(**GOOD, outer_gradient=way).loss.isfinite()
