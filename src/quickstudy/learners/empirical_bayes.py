"""The mean and covariance of many tasks' weights, and the noise, by their evidence."""

from dataclasses import replace

import torch

from quickstudy.errors import require
from quickstudy.learners.priors.choice import ENOUGH, STRUCTURES, best, fitted
from quickstudy.learners.priors.fits import Fit
from quickstudy.learners.priors.moments import Moments
from quickstudy.learners.priors.own_noise import likeliest_shape, precisions
from quickstudy.learners.priors.prior import Prior

NOISES = ("auto", "shared", "own")
"""Whether the noise is the same for all tasks."""
ALTERNATIONS = 3
"""How often the covariance and the tasks' noise are fitted in turn."""


def empirical_bayes(moments: Moments, structure: str = "auto", noise: str = "auto") -> Prior:
    """Find the prior under which the tasks' rows are likeliest, their weights integrated out.

    The model of a task is ``y = Φ w + ε`` with ``w ~ N(μ, Σ)`` and ``ε ~ N(0, σ²)``. The last
    feature should be 1 in every row. Features and targets are divided by their standard deviations
    first. Then the objective

    ``log p(y | Σ / σ²) + log p(Σ / σ²) + log p(ρ)``

    is climbed to its maximum, in which ``μ ~ N(0, σ²/ρ)`` (flat for the intercept) is integrated
    out and ``σ²`` is at its maximum (see :class:`~quickstudy.learners.priors.evidence.Evidence`).
    The structures of ``Σ``, each with its own ``log p(Σ / σ²)``, are

    - ``intercept``: only the intercept differs between tasks, by a deviation with a half-Cauchy
      prior;
    - ``alike``: all weights differ, by one deviation, and the intercept by another;
    - ``diagonal``: every weight differs by its own deviation with a half-Cauchy prior, and many
      deviations become 0;
    - ``similar``: every weight differs, by its own deviation with a log-normal prior around their
      common size;
    - ``full``, ``sparse``: weights covary, with an inverse-Wishart prior around ``similar`` or
      around ``diagonal``, which is worth as many tasks as there are weights that differ;
    - ``auto``: of ``intercept``, the likelier of ``similar`` and ``diagonal``, and the full
      covariance around that one, the one under which tasks that the fit did not see are likeliest,
      by five parts of the tasks; a later one has to gain ``½ log tasks``.

    A feature that is constant within every task belongs to ``μ`` only. With fewer than four tasks
    only the intercept differs.

    With ``noise="own"`` a task's noise is ``N(0, σ² / k_t)`` with ``k_t ~ Gamma(a, a)``. Its
    precision is integrated out numerically; ``a`` is the likeliest of a list. Then the covariance
    is fitted again to rows that count ``E[k_t | y_t]``, three times in turn. ``auto`` takes it if
    that raises the evidence by more than ``½ log tasks``, the cost of a number by the Bayesian
    information criterion.

    Args:
        moments: The sums over the tasks' rows.
        structure: The structure of ``Σ``.
        noise: ``shared``, ``own`` or ``auto``.

    Raises:
        UserError: If there are no rows, or an argument is unknown.

    Source: Lindley & Smith 1972 for the model; Patterson & Thompson 1971 for the evidence; Gelman
        2006 for the half-Cauchy prior.
    """
    _check("structure", structure, STRUCTURES)
    _check("noise", noise, NOISES)
    rows = bool(moments.count.sum() > 0)
    require(rows, "A prior should be learned from at least one row. Found none.")
    features, target = moments.deviations()
    scaled = moments.scaled(features, target)
    fits = fitted(scaled, structure)
    name, density = best(fits, scaled, noise != "shared")
    fit = fits[name]
    shared = replace(Prior.at(fit.evidence), log_evidence=fit.objective, structure=name)
    found = shared if noise == "shared" else _with_own_noise(shared, fit, scaled, noise == "own")
    return replace(found, held_out=density).unscaled(features, target)


def _check(name: str, value: str, known: tuple[str, ...]) -> None:
    """Raise if ``value`` is not one of those that are known."""
    wanted = f"Parameter `{name}` should be one of {', '.join(known)}."
    require(value in known, f"{wanted} Found {value!r}.")


def _with_own_noise(shared: Prior, fit: Fit, moments: Moments, always: bool) -> Prior:
    """Fit noise of its own for each task; keep it ``always``, or if it pays."""
    prior = likeliest_shape(shared, moments)
    for _ in range(ALTERNATIONS):
        fit = fit.to(moments.weighted(precisions(prior, moments)), ENOUGH)
        again = Prior.at(fit.evidence)
        again = replace(again, log_evidence=shared.log_evidence, structure=shared.structure)
        prior = likeliest_shape(again, moments)
    gain = float((prior.log_densities(moments) - shared.log_densities(moments)).sum())
    cost = 0.5 * float(torch.tensor(float(len(moments.count))).log())
    return prior if always or gain > cost else shared


__all__ = ["NOISES", "STRUCTURES", "Moments", "Prior", "empirical_bayes"]
