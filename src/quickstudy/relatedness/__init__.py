"""How related tasks are: measures, their noise, and the groups that can be told apart."""

from quickstudy.relatedness.affinity import affinity, affinity_with
from quickstudy.relatedness.fisher import fisher_diagonal, fisher_embedding
from quickstudy.relatedness.gradients import mean_gradients
from quickstudy.relatedness.posterior import posterior_shift
from quickstudy.relatedness.relate import MEASURES, Measure, Relatedness, relate
from quickstudy.relatedness.shrink import Shrunk, cosines, shrink

__all__ = [
    "MEASURES",
    "Measure",
    "Relatedness",
    "Shrunk",
    "affinity",
    "affinity_with",
    "cosines",
    "fisher_diagonal",
    "fisher_embedding",
    "mean_gradients",
    "posterior_shift",
    "relate",
    "shrink",
]
