"""The memory of a balancer: the tensors that it keeps from step to step."""

from torch import Tensor, nn
from torchjd import Stateful
from torchjd.scalarization import DWA, FAMO, Constant

from quickstudy.balance.balancer import Balancer
from quickstudy.balance.step import OuterStep
from quickstudy.errors import require


def parameters_of(balancer: Balancer) -> dict[str, Tensor]:
    """Return the tensors that the run's optimiser trains, by name, such as uncertainties."""
    return dict(balancer.named_parameters()) if isinstance(balancer, nn.Module) else {}


def state_of(balancer: Balancer) -> dict[str, Tensor]:
    """Return all tensors that a balancer remembers, by name; they are saved with a run."""
    return dict(balancer.state_dict()) if isinstance(balancer, nn.Module) else {}


def restore_state(balancer: Balancer, state: dict[str, Tensor]) -> None:
    """Put a saved ``state`` into ``balancer``.

    Raises:
        UserError: If the state is of another balancer, or ``balancer`` keeps a memory that cannot
            be saved.
    """
    require(
        not remembers_elsewhere(balancer),
        f"Balancer {balancer} keeps a memory that is not saved: a run with it cannot be resumed. "
        "Start it again.",
    )
    _check_same(state, balancer)
    if isinstance(balancer, nn.Module):
        balancer.load_state_dict(state)


def _check_same(state: dict[str, Tensor], balancer: Balancer) -> None:
    """Raise unless ``balancer`` remembers tensors of the names and shapes of ``state``."""
    saved, own = _shapes(state), _shapes(state_of(balancer))
    require(
        saved == own,
        "A resumed run should have the balancer it was begun with, which remembers "
        f"{saved or 'nothing'}. Found {balancer} with {own or 'nothing'}.",
    )


def _shapes(state: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in state.items()}


def remembers_elsewhere(balancer: Balancer) -> bool:
    """Say whether a balancer keeps a memory that is not in its tensors.

    Such a memory cannot be saved.
    """
    parts = _parts(balancer)
    return any(isinstance(part, Stateful) and not part.state_dict() for part in parts)


def check_told(balancer: Balancer) -> None:
    """Raise if a balancer would never change, because no call gives it the values that it needs.

    Raises:
        UserError: If it is TorchJD's ``DWA`` or ``FAMO``.
    """
    for part in _parts(balancer):
        require(
            not isinstance(part, DWA),
            f"Balancer {part} is to be told when an epoch ends: use quickstudy.balance.DWA in "
            "its place.",
        )
        require(
            not isinstance(part, FAMO),
            f"Balancer {part} is to be told the losses after each step: use it in a loop of "
            "your own.",
        )


def check_places(balancer: Balancer, step: OuterStep, before: Tensor | None) -> Tensor | None:
    """Check that a balancer which knows tasks by their place finds the same tasks again.

    Args:
        balancer: The balancer.
        step: A step.
        before: The result for the step before; None if there was none.

    Returns:
        The tasks of the ``step`` in order ``[task]``; None if places do not matter to ``balancer``.

    Raises:
        UserError: If the step before held other tasks.
    """
    if not _knows_places(balancer):
        return None
    tasks: Tensor = step.episodes.task[step.present].sort().values
    if before is not None:
        _check_unchanged(balancer, tasks.tolist(), before.tolist())
    return tasks


def _knows_places(balancer: Balancer) -> bool:
    """Say whether a balancer knows tasks by their place."""
    return any(isinstance(part, Stateful | Constant) for part in _parts(balancer))


def _check_unchanged(balancer: Balancer, here: list[int], earlier: list[int]) -> None:
    """Raise unless a step holds the tasks of the step before."""
    require(
        earlier == here,
        f"Balancer {balancer} knows a task by its place, so every step should hold the same tasks. "
        f"Found {here[:9]} after {earlier[:9]}: let `tasks_per_step` be the number of tasks.",
    )


def _parts(balancer: Balancer) -> list[nn.Module]:
    return list(balancer.modules()) if isinstance(balancer, nn.Module) else []


__all__ = [
    "check_places",
    "check_told",
    "parameters_of",
    "remembers_elsewhere",
    "restore_state",
    "state_of",
]
