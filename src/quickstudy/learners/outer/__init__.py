"""Outer gradients, which give the loss that training descends: one file for each."""

from quickstudy.learners.outer.displacement import Displacement
from quickstudy.learners.outer.outer import Outer
from quickstudy.learners.outer.query_loss import QueryLoss
from quickstudy.learners.outer.supervised import SupervisedLoss

Supervised = SupervisedLoss
"""The outer gradient of pre-training, by the name that descriptions of learners give it."""

__all__ = ["Displacement", "Outer", "QueryLoss", "Supervised"]
