"""The rules by which an inner step changes the tensors of a task: one file a rule."""

from quickstudy.learners.steps.descent import Descent
from quickstudy.learners.steps.norms import StepNorms
from quickstudy.learners.steps.proposal import Proposal
from quickstudy.learners.steps.rates import EntryRates, Rates, StepRates
from quickstudy.learners.steps.step_rule import Slope, StepRule

__all__ = [
    "Descent",
    "EntryRates",
    "Proposal",
    "Rates",
    "Slope",
    "StepNorms",
    "StepRates",
    "StepRule",
]
