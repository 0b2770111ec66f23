"""The compiled step is the ordinary one, faster."""

import shutil

import pytest
import torch

import quickstudy as qs
from tests.unit.training.small import Own, bits, blobs, proto, sine_learner, sines


@pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")
@pytest.mark.filterwarnings("ignore")  # the compiler's own
def test_compiled_is_eager():
    found = []
    for compiled in (False, True):
        learner = sine_learner()
        qs.fit(learner, sines(), 12, compile=compiled, lr=0.01, progress=False)
        found.append(bits(learner))
    for name, value in found[0].items():
        assert torch.allclose(value, found[1][name], atol=1e-5)


@pytest.mark.parametrize(
    ("make", "source"),
    [
        (proto, lambda: blobs().episodes(3, 1, 5)),
        (lambda: sine_learner(outer_gradient="stepwise"), sines),
        (lambda: sine_learner(first_order_until=2), sines),
        (lambda: qs.MAML(Own()), lambda: blobs().episodes(3, 1, 5)),
    ],
)
def test_what_is_not_compiled_is_said(make, source):
    with pytest.raises(qs.UserError, match="Leave `compile` off"):
        qs.fit(make(), source(), 2, compile=True, progress=False)
