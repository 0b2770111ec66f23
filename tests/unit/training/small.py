"""Small learners and tasks that the tests of training share."""

import json
from pathlib import Path

import torch
from torch import Tensor, nn

import quickstudy as qs
from quickstudy.balance import mean


def sines() -> qs.tasks.Family:
    return qs.tasks.Sinusoid().episodes(shot=5, query=5)


def sine_learner(seed: int = 0, **options) -> qs.MAML:
    return qs.MAML(qs.models.MLP(1, 1, hidden=(8,), seed=seed), inner_lr=0.01, **options)


def blobs(num_classes: int = 20) -> qs.tasks.Arrays:
    generator = qs.generator(0, "blobs")
    y = torch.arange(num_classes).repeat_interleave(12)
    return qs.tasks.Arrays(
        torch.randn(num_classes, 4, generator=generator)[y]
        + 0.5 * torch.randn(len(y), 4, generator=generator),
        y,
    )


def images() -> qs.tasks.Arrays:
    pixels = torch.randint(
        0, 256, (60, 28, 28), dtype=torch.uint8, generator=qs.generator(0, "images")
    )
    return qs.tasks.Arrays(pixels, torch.arange(60) % 6)


def proto() -> qs.ProtoNet:
    return qs.ProtoNet(qs.models.MLP(4, None, hidden=(8,)))


class Own(nn.Module):
    """A user's own network: with dropout, with batch norm, with a frozen layer."""

    def __init__(self) -> None:
        super().__init__()
        generator = qs.generator(0, "own")
        self.layers = nn.Sequential(
            nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.3), nn.Linear(8, 6)
        )
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
        self.layers[0].requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class StopAt:
    """A balancer that breaks off at the ``step``-th step, as a power cut would."""

    def __init__(self, step: int) -> None:
        self.left = step

    def __call__(self, losses: Tensor) -> Tensor:
        self.left -= 1
        if self.left < 0:
            raise PowerCutError
        return mean(losses)


class PowerCutError(Exception):
    pass


def bits(learner: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in learner.state_dict().items()}


def same_bits(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(value, b[name]) for name, value in a.items())


def metric_lines(folder: Path) -> list[tuple[int, tuple[str, ...]]]:
    """The step and the names of every line of a run's metrics."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [(line.pop("step"), tuple(line)) for line in lines]
