"""Sinusoids: every task is the curve that its paper says, with parameters in its ranges."""

import math

import torch

import quickstudy as qs


def test_mamls_tasks_solve_their_linear_equation():
    """``A sin(x − φ)`` is linear in ``sin x`` and ``cos x``: two numbers fit all points exactly."""
    x, y = qs.tasks.Sinusoid().draw(400, 20, qs.generator(0, "sinusoid"))
    x, y = x.double(), y.double()
    basis = torch.cat([x.sin(), x.cos()], -1)
    solution = torch.linalg.lstsq(basis, y).solution
    torch.testing.assert_close(basis @ solution, y, rtol=1e-4, atol=1e-4)
    first, second = solution.squeeze(-1).unbind(1)
    amplitude, phase = torch.hypot(first, second), torch.atan2(-second, first)
    assert 0.09 < amplitude.min() < 0.3 and 4.8 < amplitude.max() < 5.01
    assert -0.01 < phase.min() < 0.1 and math.pi - 0.1 < phase.max() < math.pi + 0.01


def test_metasgds_tasks_are_waves_of_frequency_about_one():
    """``A sin(ω x + b)`` is bounded by A ≤ 5, and its frequencies are not all 1."""
    x, y = qs.tasks.SinusoidMetaSGD().draw(400, 20, qs.generator(0, "metasgd"))
    assert x.shape == y.shape == (400, 20, 1) and y.abs().max() <= 5
    basis = torch.cat([x.sin(), x.cos()], -1).double()
    residual = y.double() - basis @ torch.linalg.lstsq(basis, y.double()).solution
    assert residual.abs().amax((1, 2)).median() > 0.1


def test_the_mixture_is_of_sinusoids_and_lines():
    said = qs.tasks.SinusoidsAndLines().episodes(shot=3, query=4).describe()
    assert [one["source"] for one in said["sources"]] == ["sinusoid/maml", "line"]
    assert (said["source"], said["shot"], said["query"]) == ("mixture", 3, 4)
