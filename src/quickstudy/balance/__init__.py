"""Balancers, which make one step of several losses."""

from quickstudy.balance.auto_lambda import AutoLambda
from quickstudy.balance.balancer import Balancer, descend, mean
from quickstudy.balance.dwa import DWA
from quickstudy.balance.gradnorm import GradNorm
from quickstudy.balance.memory import (
    check_places,
    check_told,
    parameters_of,
    remembers_elsewhere,
    restore_state,
    state_of,
)
from quickstudy.balance.names import BalancerName, balancer_named, needs_fixed_tasks
from quickstudy.balance.step import OuterStep
from quickstudy.balance.task_weights import TaskWeights
from quickstudy.describe import register

for _balancer in (mean, AutoLambda, DWA, GradNorm):
    register(_balancer)

__all__ = [
    "DWA",
    "AutoLambda",
    "Balancer",
    "BalancerName",
    "GradNorm",
    "OuterStep",
    "TaskWeights",
    "balancer_named",
    "check_places",
    "check_told",
    "descend",
    "mean",
    "needs_fixed_tasks",
    "parameters_of",
    "remembers_elsewhere",
    "restore_state",
    "state_of",
]
