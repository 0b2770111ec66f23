"""Small pools and results that the figures are tried on."""

import math
from dataclasses import replace

import torch
from matplotlib.figure import Figure

from quickstudy.reporting.style import png
from quickstudy.tasks import Classes
from quickstudy.training import Estimate, Evaluation

NAN = math.nan


def pool(
    num_classes: int = 12, examples: int = 20, noise: float = 0.6, channels: int = 1
) -> Classes:
    """Noisy images of a few prototypes; the more noise, the more mistakes."""
    generator = torch.Generator().manual_seed(0)
    prototypes = torch.rand(num_classes, 1, channels, 6, 6, generator=generator)
    x = (
        prototypes + noise * torch.randn(num_classes, examples, channels, 6, 6, generator=generator)
    ).flatten(0, 1)
    size = torch.full((num_classes,), examples)
    groups = torch.arange(num_classes) % 3 // 2  # two thirds, one third
    names = tuple(map(str, range(num_classes)))
    return Classes(
        x, torch.arange(num_classes) * examples, size, names, groups, ("Big", "Small"), "noise"
    )


def evaluation(metric: str = "accuracy", **changes: object) -> Evaluation:
    estimates = {step: Estimate(0.2 + 0.1 * step, 0.01, 50) for step in (0, 1, 5)}
    plain = {
        "nearest neighbour": Estimate(0.45, 0.02, 50),
        "untrained": Estimate(0.2, NAN, 1),
        "from scratch": Estimate(NAN, NAN, 9, 9),
    }
    source: dict[str, object] = {"source": "noise", "way": 5, "shot": 1}
    return replace(
        Evaluation(metric, estimates[5], 0, False, source, plain, estimates, [0.7] * 50, {}),
        **changes,
    )  # type: ignore[arg-type]


def drawn(figure: Figure) -> Figure:
    """Draw it: a warning on the way is an error."""
    assert png(figure).startswith(b"\x89PNG")
    return figure


def marked(figure: Figure, gid: str) -> list[object]:
    return figure.findobj(lambda artist: artist.get_gid() == gid)
