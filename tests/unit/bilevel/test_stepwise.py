"""The gradient from the end, step by step: parts in closed form, and dropout drawn again."""

import torch
from torch import Tensor

from quickstudy.bilevel import InnerProblem
from quickstudy.bilevel.stepwise import losses_of, pull_back, record, stepwise
from quickstudy.bilevel.unrolled import unrolled
from tests.laws.battery import close
from tests.unit.bilevel.problems import drawn, weighted


class Noisy(InnerProblem):
    """An inner loop that draws random numbers everywhere, as dropout does.

    Its state has a second tensor, which neither loss depends on.
    """

    def start(self, meta):
        weight = meta["a"] * torch.rand(3, 4, dtype=torch.float64)
        return {"w": weight, "count": torch.zeros(3, dtype=torch.float64)}

    def step(self, state, meta, index, differentiable):
        pull = torch.rand(3, 4, dtype=torch.float64) * state["w"].sin() * meta["b"] ** (index + 1)
        moved = state["w"] - (pull if differentiable else pull.detach())
        return {"w": moved, "count": state["count"] + 1}

    def objective(self, state, meta):
        return state["w"].square().sum(1)

    def losses(self, state, meta):
        kept = torch.rand(3, 4, dtype=torch.float64) > 0.3
        return (kept * state["w"] * meta["a"]).square().sum(1)


def gradients(function, step_weights: list[float], seed: int = 0) -> tuple[Tensor, list[Tensor]]:
    meta = {name: drawn(4, name=name).requires_grad_() for name in ("a", "b")}
    torch.manual_seed(seed)
    losses, _ = function(Noisy(), meta, step_weights)
    (weighted(losses) + 0 * meta["b"].sum()).backward()
    return losses.detach(), [value.grad for value in meta.values()]


def test_with_dropout_it_is_the_unrolled_gradient():
    for step_weights in ([0.0, 0.0, 0.0, 1.0], [0.5, 0.0, 2.0, 1.0], [0.5, 2.0, 0.0], [1.0]):
        close(gradients(stepwise, step_weights), gradients(unrolled, step_weights))
    other, expected = gradients(stepwise, [0.0, 1.0], seed=1), gradients(stepwise, [0.0, 1.0])
    assert not torch.allclose(other[0], expected[0])


def test_no_graph_is_kept_and_the_losses_at_the_end_are_computed_once():
    problem, calls = Noisy(), []
    losses = problem.losses

    def counted(state, meta):
        calls.append(state["w"])
        return losses(state, meta)

    problem.losses = counted
    meta = {name: drawn(4, name=name).requires_grad_() for name in ("a", "b")}
    found, state = stepwise(problem, meta, [0.0, 0.0, 1.0])
    found.mean().backward()
    assert len(calls) == 1
    assert not any(value.requires_grad for value in state.values())


def test_a_recorded_function_is_pulled_back():
    """``u s² + v m s``: its derivative by ``s`` is ``2 s u + m v``, and by ``m`` it is ``s v``."""
    state, meta = {"s": torch.tensor(3.0)}, {"m": torch.tensor(5.0)}
    recorded = record(lambda s, m: (s["s"] ** 2, m["m"] * s["s"]), state, meta)
    total = [torch.tensor(100.0)]
    found = pull_back(recorded, [torch.tensor(7.0), torch.tensor(11.0)], total)
    assert found == [2 * 3 * 7 + 5 * 11] and total == [100 + 3 * 11]
    assert not state["s"].requires_grad and not meta["m"].requires_grad


def test_a_constant_pulls_nothing_back():
    state, total = {"s": torch.ones(2)}, [torch.zeros(())]
    recorded = record(lambda *_: (torch.ones(()),), state, {"m": torch.tensor(5.0)})
    assert pull_back(recorded, [torch.ones(())], total)[0].tolist() == [0, 0] and total == [0]


def test_the_losses_are_a_function_to_record():
    state, meta = {"w": torch.ones(3, 4)}, {"a": torch.ones(4), "b": torch.ones(4)}
    (found,) = record(losses_of(Noisy()), state, meta).outputs
    assert found.shape == (3,) and found.requires_grad
