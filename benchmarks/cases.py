"""The three cases of the engine's benchmark, on random inputs, for quickstudy and for higher."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import quickstudy as qs
from quickstudy.balance import mean
from quickstudy.models.norm import TaskNorm
from quickstudy.training.compiled import compiled_gradients


@dataclass(frozen=True)
class Case:
    """A network, the shape of its tasks, and the inner learning rate."""

    title: str
    network: Callable[[], nn.Module]
    tasks: int
    support: tuple[int, ...]
    query: tuple[int, ...]
    ways: int | None
    inner_lr: float
    repeats: int
    accumulate: bool = False


def _large() -> nn.Module:
    return nn.Sequential(
        *(
            layer
            for i in range(4)
            for layer in (
                nn.Conv2d(32 if i else 3, 32, 3, padding=1),
                nn.BatchNorm2d(32),
                nn.ReLU(),
                nn.MaxPool2d(2),
            )
        ),
        nn.Flatten(),
        nn.Linear(800, 5),
    )


CASES = {
    "a": Case(
        "sinusoid MLP 40-40, 25 tasks, 10-shot",
        lambda: qs.models.MLP(),
        25,
        (10, 1),
        (10, 1),
        None,
        0.01,
        30,
    ),
    "b": Case(
        "Omniglot conv4-64 stride 2, 32 tasks, 5-way 1-shot, 1 query a class",
        lambda: qs.models.Conv4(5, downsample="stride"),
        32,
        (5, 1, 28, 28),
        (5, 1, 28, 28),
        5,
        0.4,
        7,
    ),
    "c": Case(
        "84x84 conv4-32 max-pool, 4 tasks, 5-way 1-shot, 15 queries a class",
        _large,
        4,
        (5, 3, 84, 84),
        (75, 3, 84, 84),
        5,
        0.01,
        3,
        True,
    ),
}


def episodes_of(case: Case, device: str) -> qs.Episode:
    """Random tasks of the case's shape."""
    draw = qs.generator(0, "benchmark")

    def batch(shape: tuple[int, ...]) -> qs.Batch:
        x = torch.randn(case.tasks, *shape, generator=draw)
        y = (
            torch.randn(case.tasks, *shape, generator=draw)
            if case.ways is None
            else (torch.arange(shape[0]) % case.ways).repeat(case.tasks, 1)
        )
        return qs.Batch(x, y, torch.ones(x.shape[:2])).to(device)

    return qs.Episode(batch(case.support), batch(case.query), torch.arange(case.tasks))


LEARNERS: dict[str, Callable[..., qs.Learner]] = {
    **{way: partial(qs.MAML, outer_gradient=way) for way in ("unrolled", "stepwise")},
    "anil": qs.ANIL,
    "imaml": qs.IMAML,
}
"""What :func:`ours` makes a step of: MAML by its outer gradient, and others."""


def ours(
    case: Case, steps: int, device: str, which: str = "unrolled", compiled: bool = False
) -> tuple[Callable[[], Tensor], nn.Module]:
    """One whole outer step of a learner: losses, gradient, Adam."""
    torch.manual_seed(0)
    model = case.network().to(device)
    learner = LEARNERS[which](
        model, inner_lr=case.inner_lr, inner_steps=steps, statistics="transductive"
    )
    episodes = episodes_of(case, device)
    optimizer = torch.optim.Adam(learner.parameters(), lr=0.0, fused=True)
    gradients = compiled_gradients(learner, mean) if compiled else None

    def step() -> Tensor:
        if gradients is not None:
            loss = gradients(episodes).mean()
        else:
            optimizer.zero_grad()
            loss = torch.zeros((), device=device)
            for part in (
                [episodes[i : i + 1] for i in range(case.tasks)] if case.accumulate else [episodes]
            ):
                losses = learner.losses(part).sum() / case.tasks
                losses.backward()
                loss += losses.detach()
        optimizer.step()
        return loss

    return step, model


def higher_step(case: Case, steps: int, device: str) -> tuple[Callable[[], Tensor], nn.Module]:
    """The same outer step written with higher, as its own MAML example has it: one task after
    another."""
    warnings.filterwarnings("ignore")
    import higher

    torch.manual_seed(0)
    model = _batch_statistics(case.network()).to(device)
    episodes = episodes_of(case, device)
    inner = torch.optim.SGD(model.parameters(), lr=case.inner_lr)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.0, fused=True)
    loss_of = F.mse_loss if case.ways is None else F.cross_entropy

    def step() -> Tensor:
        optimizer.zero_grad()
        total = torch.zeros((), device=device)
        for task in range(case.tasks):
            with higher.innerloop_ctx(model, inner, copy_initial_weights=False) as (
                adapted,
                inner_optimizer,
            ):
                for _ in range(steps):
                    inner_optimizer.step(
                        loss_of(adapted(episodes.support.x[task]), episodes.support.y[task])
                    )
                loss = loss_of(adapted(episodes.query.x[task]), episodes.query.y[task]) / case.tasks
                loss.backward()
                total += loss.detach()
        optimizer.step()
        return total

    return step, model


def _batch_statistics(model: nn.Module) -> nn.Module:
    """Batch norms without running averages, torch's own, as fast as higher can have them."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.track_running_stats = False
            module.running_mean = module.running_var = module.num_batches_tracked = None
        assert not isinstance(module, TaskNorm)
    return model
