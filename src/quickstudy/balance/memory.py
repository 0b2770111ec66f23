"""What a balancer learns and remembers from step to step."""

from torch import Tensor, nn
from torchjd import Stateful
from torchjd.scalarization import DWA, FAMO, Constant

from quickstudy.balance.balancer import Balancer
from quickstudy.balance.step import OuterStep
from quickstudy.errors import require


def parameters_of(balancer: Balancer) -> dict[str, Tensor]:
    """What of a balancer the run's optimiser trains, by name: uncertainties, for one."""
    return dict(balancer.named_parameters()) if isinstance(balancer, nn.Module) else {}


def state_of(balancer: Balancer) -> dict[str, Tensor]:
    """All that a balancer remembers in tensors, by name: what is saved with a run."""
    return dict(balancer.state_dict()) if isinstance(balancer, nn.Module) else {}


def restore_state(balancer: Balancer, state: dict[str, Tensor]) -> None:
    """Put a saved ``state`` into ``balancer``.

    Raises:
        UserError: If it is that of another balancer, or ``balancer`` keeps a memory that cannot be
            saved.
    """
    forgets = (
        f"Balancer {balancer} keeps a memory that is not saved: a run with it cannot be resumed. "
        "Start it again."
    )
    require(not remembers_elsewhere(balancer), forgets)
    saved, own = (
        {name: tuple(value.shape) for name, value in one.items()}
        for one in (state, state_of(balancer))
    )
    found = f"Found {balancer} with {own or 'nothing'}"
    require(
        saved == own,
        "A resumed run should have the balancer it was begun with, which remembers "
        f"{saved or 'nothing'}. {found}.",
    )
    if isinstance(balancer, nn.Module):
        balancer.load_state_dict(state)


def remembers_elsewhere(balancer: Balancer) -> bool:
    """Whether a balancer keeps something from step to step that is not in its tensors, so that it cannot be saved."""
    return any(
        isinstance(part, Stateful) and not part.state_dict()
        for part in _parts(balancer)
        if isinstance(part, nn.Module)
    )


def check_told(balancer: Balancer) -> None:
    """Refuse what would stay as it is, because no one tells it what it asks for.

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
    """The tasks of the ``step`` in order ``[task]``, if ``balancer`` knows tasks by their place;
    else None.

    Raises:
        UserError: If the step ``before`` held others, so that another task stands at a place.
    """
    if not any(isinstance(part, Stateful | Constant) for part in _parts(balancer)):
        return None
    tasks: Tensor = step.episodes.task[step.present].sort().values
    require(
        before is None or before.tolist() == tasks.tolist(),
        f"Balancer {balancer} knows a task by its place, so every step should hold the same "
        f"tasks. Found {tasks.tolist()[:9]} after "
        f"{[] if before is None else before.tolist()[:9]}: let `tasks_per_step` be the number "
        "of tasks.",
    )
    return tasks


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
