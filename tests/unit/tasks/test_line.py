"""Lines: straight, of the slopes and intercepts that the papers say."""

import math

import torch

import quickstudy as qs


def test_lines_are_straight_with_slope_and_intercept_between_minus_three_and_three():
    x, y = qs.tasks.Line().draw(500, 20, qs.generator(0, "lines"))
    solution = torch.linalg.lstsq(torch.cat([x, torch.ones_like(x)], -1), y).solution.squeeze(-1)
    torch.testing.assert_close(
        solution[:, :1].unsqueeze(1) * x + solution[:, 1:].unsqueeze(1), y, rtol=1e-4, atol=1e-4
    )
    assert solution.abs().max() <= 3.001 and (solution.abs().max(0).values > 2.9).all()
    assert (abs(solution.std(0) - math.sqrt(3)) < 0.15).all() and abs(
        torch.corrcoef(solution.T)[0, 1]
    ) < 0.15
    assert -5 <= x.min() < -4.9 and 4.9 < x.max() <= 5
