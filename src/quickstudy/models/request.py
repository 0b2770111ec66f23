"""The model that is asked for: the examples it should take and the output it should give."""

import math
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from quickstudy.errors import require
from quickstudy.models.protocol import Gives, Traits

BELOW: dict[Gives, Gives] = {"scores": "embeddings", "dense_scores": "maps"}
"""The output on which a head gives scores."""

ALL = (*BELOW, *BELOW.values())
"""Every output, scores first."""

INPUTS = ("in_channels", "in_chans", "image_size", "img_size", "inputs", "in_features")
"""Parameters of a constructor that are filled from the shape of an example."""

OUTPUTS = ("way", "outputs", "num_classes", "out_features")
"""Parameters of a constructor that say how many scores a model gives."""

FILLED = frozenset((*INPUTS, *OUTPUTS, "maps", "seed"))
"""Parameters of a constructor that a request fills."""


@dataclass(frozen=True)
class Request:
    """Ask for a model by name, for data of a given shape.

    Attributes:
        name: The name of the model.
        shape: The shape of an example.
        outputs: Number of scores.
        gives: The output.
        seed: Seed of the initial weights.
    """

    name: str
    shape: tuple[int, ...]
    outputs: int | None
    gives: Gives
    seed: int

    @property
    def below(self) -> "Request":
        """The request for the network below the head."""
        return replace(self, outputs=None, gives=BELOW.get(self.gives, self.gives))

    @property
    def trunk_name(self) -> str:
        """The trunk of a model that needs one, by default."""
        return "conv4" if len(self.shape) == 3 else "mlp"

    @property
    def trunk_gives(self) -> Gives:
        """The output of a trunk."""
        return "maps" if self.below.gives == "maps" else "embeddings"

    @property
    def is_scores(self) -> bool:
        """Whether scores are asked for."""
        return self.gives in BELOW

    @property
    def num_scores(self) -> int:
        """The number of scores that are asked for, 0 if none are."""
        return int(self.outputs or 0)

    def arguments(self) -> dict[str, Any]:
        """Give the arguments that a constructor may have, by name."""
        inputs = dict.fromkeys(("inputs", "in_features"), math.prod(self.shape))
        return self._of_outputs() | {"seed": self.seed} | inputs | self._of_images()

    def _of_outputs(self) -> dict[str, Any]:
        """Give the arguments that say the output of a model."""
        outputs = self.outputs if self.is_scores else None
        values: dict[str, Any] = dict.fromkeys(OUTPUTS, outputs)
        return values | {"num_classes": outputs or 0, "maps": self.gives == "maps"}

    def _of_images(self) -> dict[str, int]:
        """Give the arguments that say the size of an image; none for other examples."""
        if len(self.shape) != 3:
            return {}
        channels, *sides = self.shape
        return dict.fromkeys(("in_channels", "in_chans"), channels) | _of_square(*sides)

    def exceeds(self, said: Traits) -> bool:
        """Say whether the class of the model cannot be made to give the output by itself."""
        return bool(said.can_give) and self.gives not in said.can_give

    def check(self) -> None:
        """Raise unless output and number of outputs go together.

        Raises:
            UserError: If they do not.
        """
        require(
            self.gives in ALL,
            f"Parameter `gives` should be one of {', '.join(ALL)}. Found {self.gives!r}.",
        )
        require(
            not self.is_scores or self.num_scores >= 1,
            f"Parameter `outputs` should be at least 1 for {self.gives}. Found {self.outputs}.",
        )

    def check_said(self, said: Traits) -> None:
        """Raise if a model says that it takes or gives something else.

        Raises:
            UserError: If it does.
        """
        self._check_said_output(said)
        self._check_said_input(said)

    def _check_said_output(self, said: Traits) -> None:
        require(
            not self.exceeds(said) or self.below.gives in said.can_give,
            f"Parameter `model` should give {self.gives}. Found {self.name}, which gives "
            f"{' or '.join(said.can_give)}.",
        )

    def _check_said_input(self, said: Traits) -> None:
        problem = said.refusal(self.shape)
        require(
            problem is None,
            f"Parameter `model` should take examples of shape {list(self.shape)}. Found "
            f"{self.name}: {problem}.",
        )

    def check_output(self, output: Any, num_examples: int) -> None:
        """Raise unless ``output``, of a trial on some examples, is the one that is asked for.

        Raises:
            UserError: If it is not.
        """
        shape = list(output.shape) if isinstance(output, Tensor) else []
        expected = self._expected(num_examples)
        words = ", ".join(map(str, expected))
        require(
            self._fits(shape, expected),
            f"Parameter `model` should give {self.gives} [{words}] for {num_examples} examples "
            f"{list(self.shape)}. Found {self.name}, which gives {shape or type(output).__name__}."
            f"{self._hint(shape)}",
        )

    def _fits(self, shape: list[int], expected: list[int | str]) -> bool:
        """Say whether an output has the expected shape; embeddings may have more axes."""
        if not all(map(_matches, shape, expected)):
            return False
        if self.gives == "embeddings":
            return len(shape) > 1 and 0 not in shape
        return len(shape) == len(expected)

    def _expected(self, num_examples: int) -> list[int | str]:
        """Give the shape of the output; a word for a free length."""
        shapes: dict[Gives, list[int | str]] = {
            "scores": [self.num_scores],
            "embeddings": ["feature"],
            "maps": ["channel", "height", "width"],
            "dense_scores": [self.num_scores, *self.shape[1:]],
        }
        return [num_examples, *shapes[self.gives]]

    def _hint(self, shape: list[int]) -> str:
        """Say how a user's network declares that it needs a head."""
        if self.gives == "scores" and len(shape) > 1:
            return " If these are embeddings, the model says so by an attribute `embedding_size`."
        return ""


def _of_square(height: int, width: int) -> dict[str, int]:
    """Give the arguments that say the side of an image; none if it is oblong."""
    return dict.fromkeys(("image_size", "img_size"), height) if height == width else {}


def _matches(size: int, expected: int | str) -> bool:
    return size == expected or (isinstance(expected, str) and size > 0)


__all__ = ["BELOW", "FILLED", "INPUTS", "OUTPUTS", "Request"]
