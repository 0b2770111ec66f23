"""Balancers by their names."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

import torch
from torchjd.aggregation import MGDA, AlignedMTL, CAGrad, NashMTL, PCGrad, UPGrad
from torchjd.scalarization import UW, Constant, Random

from quickstudy.balance.auto_lambda import AutoLambda
from quickstudy.balance.balancer import Balancer, mean
from quickstudy.balance.dwa import DWA
from quickstudy.balance.gradnorm import GradNorm
from quickstudy.errors import UserError, require

BalancerName = Literal[
    "mean", "static", "random", "uncertainty", "dwa", "gradnorm", "auto_lambda",
    "pcgrad", "cagrad", "mgda", "nashmtl", "alignedmtl", "upgrad",
]  # fmt: skip


@dataclass(frozen=True)
class _Named:
    """Say how a balancer is made.

    Attributes:
        make: ``make(num_tasks, **options)`` for a fixed set of tasks, else ``make(**options)``.
        fixed_tasks: Whether it needs a fixed set of tasks.
    """

    make: Callable[..., Balancer]
    fixed_tasks: bool = False


def _static(num_tasks: int, weights: Any) -> Constant:
    values = torch.as_tensor(weights, dtype=torch.get_default_dtype())
    require(
        values.shape == (num_tasks,),
        f"Parameter `weights` should hold a weight for each of {num_tasks} tasks. "
        f"Found shape {tuple(values.shape)}.",
    )
    return Constant(values)


NAMED: dict[str, _Named] = {
    "mean": _Named(lambda: mean),
    "static": _Named(_static, True),
    "random": _Named(Random),
    "uncertainty": _Named(UW, True),
    "dwa": _Named(DWA, True),
    "gradnorm": _Named(GradNorm, True),
    "auto_lambda": _Named(AutoLambda, True),
    "pcgrad": _Named(PCGrad),
    "cagrad": _Named(partial(CAGrad, c=0.5)),
    "mgda": _Named(MGDA),
    "nashmtl": _Named(NashMTL, True),
    "alignedmtl": _Named(AlignedMTL),
    "upgrad": _Named(UPGrad),
}


def balancer_named(name: str, num_tasks: int | None = None, **options: Any) -> Balancer:
    """Make the balancer called ``name``, with the ``options`` of its constructor.

    ================= ==================================================== =======================
    name              how it makes the step                                tasks
    ================= ==================================================== =======================
    ``"mean"``        the mean of the losses                               any
    ``"static"``      their sum, weighted by ``weights=`` (``Constant``)   fixed, all in each step
    ``"random"``      weights drawn anew each step (``Random``)            any
    ``"uncertainty"`` learned log-variances (``UW``)                       fixed, all in each step
    ``"dwa"``         :class:`~quickstudy.balance.DWA`                     fixed
    ``"gradnorm"``    :class:`~quickstudy.balance.GradNorm`                fixed
    ``"auto_lambda"`` :class:`~quickstudy.balance.AutoLambda`,             fixed
                      needs ``validation=``
    ``"pcgrad"``      gradients without conflicting parts (``PCGrad``)     any
    ``"cagrad"``      near the mean, best for the worst task (``CAGrad``)  any
    ``"mgda"``        the shortest convex combination (``MGDA``)           any
    ``"nashmtl"``     a bargaining solution (``NashMTL``)                  fixed, all in each step
    ``"alignedmtl"``  gradients made orthogonal and of one scale           any
                      (``AlignedMTL``)
    ``"upgrad"``      gradients projected onto their dual cone             any
                      (``UPGrad``)
    ================= ==================================================== =======================

    CAGrad and Nash-MTL solve convex problems with cvxpy: ``pip install quickstudy[convex]``.

    Args:
        name: See above; the names in brackets are classes of TorchJD.
        num_tasks: The number of tasks of a fixed set.
        options: Further arguments of the constructor.

    Raises:
        UserError: If there is no such name, an argument is missing or unknown, or the balancer
            needs a package that is not installed.

    Example:
        >>> import quickstudy as qs
        >>> qs.balance.balancer_named("upgrad")
        UPGrad(pref_vector=None, projector=QuadprogProjector(norm_eps=0.0001, reg_eps=0.0001))
        >>> qs.balance.balancer_named("gradnorm", num_tasks=5, alpha=0.5)
        GradNorm(num_tasks=5)
    """
    require(
        name in NAMED,
        f"The balancer should be one of {', '.join(get_args(BalancerName))}. Found {name!r}.",
    )
    _check_num_tasks(name, num_tasks)
    fixed = [] if num_tasks is None else [num_tasks]
    try:
        return NAMED[name].make(*fixed, **options)
    except (TypeError, ImportError) as error:
        raise UserError(f"Balancer {name!r} cannot be made: {error}") from error


def _check_num_tasks(name: str, num_tasks: int | None) -> None:
    """Raise unless a number of tasks is given to a balancer of fixed tasks, and to no other."""
    fixed = needs_fixed_tasks(name)
    verb = "needs" if fixed else "takes no"
    require(
        fixed == (num_tasks is not None),
        f"Balancer {name!r} {verb} `num_tasks`. Found num_tasks={num_tasks}.",
    )


def needs_fixed_tasks(name: str) -> bool:
    """Say whether the balancer called ``name`` knows each task of a fixed set.

    It then cannot serve tasks that are drawn anew.
    """
    return NAMED[name].fixed_tasks


__all__ = ["BalancerName", "balancer_named", "needs_fixed_tasks"]
