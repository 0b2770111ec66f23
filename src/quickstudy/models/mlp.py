"""A multi-layer perceptron."""

from itertools import pairwise

from torch import Tensor, nn

from quickstudy.models.initialise import Scheme, initialise
from quickstudy.random import generator


class MLP(nn.Module):
    """Fully connected layers with ReLU between them, on flattened inputs.

    Args:
        inputs: Length of the flattened input.
        outputs: Classes or targets; None leaves the last hidden layer as an embedding.
        hidden: Width of every hidden layer. MAML's sinusoid network is ``(40, 40)``.
        init: Initial weights, see :func:`quickstudy.models.initialise.initialise`.
        seed: Seed of the initial weights.
    """

    def __init__(
        self,
        inputs: int = 1,
        outputs: int | None = 1,
        hidden: tuple[int, ...] = (40, 40),
        init: Scheme = "default",
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.inputs, self.outputs, self.hidden, self.init, self.seed = (
            inputs,
            outputs,
            tuple(hidden),
            init,
            seed,
        )
        self.embedding_size = (inputs, *hidden)[-1]
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in pairwise((inputs, *hidden)):
            layers += [nn.Linear(before, after), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.head = nn.Identity() if outputs is None else nn.Linear(self.embedding_size, outputs)
        initialise(self, generator(seed, "model"), init)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[example, *feature]`` to ``[example, output]``."""
        return self.head(self.features(x))
