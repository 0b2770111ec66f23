"""The only source of randomness: a generator named by seed, purpose and step."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor


def generator(seed: int, purpose: str, step: int = 0) -> torch.Generator:
    """Make a CPU generator whose stream depends only on ``(seed, purpose, step)``.

    The state is seeded with BLAKE2b over the three names (torch's CPU generator uses 32 bits of
    it), so that neighbouring seeds and steps give unrelated streams. No state has to be saved: step
    1,000 of a resumed run makes the same draws as step 1,000 of an uninterrupted run, and the draws
    of an evaluation cannot disturb training. The generator is on the CPU for any device of the
    model, so the tasks are the same on every device.

    Args:
        seed: The run's seed.
        purpose: A word for the purpose of the draws: ``"train"``, ``"evaluate"``, ``"model"``, ...
        step: The step of the draws.

    Example:
        >>> a = torch.rand(2, generator=generator(0, "train", 7))
        >>> b = torch.rand(2, generator=generator(0, "train", 7))
        >>> bool((a == b).all())
        True
    """
    return torch.Generator().manual_seed(_hash(f"{seed}\x1f{purpose}\x1f{step}"))


def _hash(name: str) -> int:
    """Give a signed number of 64 bits for ``name``, by BLAKE2b."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


@dataclass(frozen=True)
class Moment:
    """The time and the purpose of a draw or a decision; every stream of randomness has a name.

    Sources, learners and balancers get it (``episodes.moment``). Schedules over training therefore
    also work in a training loop that you write, and step 1,000 of a resumed run is step 1,000 of an
    uninterrupted run.

    Attributes:
        seed: The seed of the run.
        purpose: The purpose of the draws: ``"train"``, ``"validation"``, ``"evaluate"``, ...
        step: Outer steps taken before.
        rank: Which of ``world`` processes this is.
        world: Processes that share the tasks of a step.

    Example:
        >>> moment = Moment(seed=0, purpose="train", step=7)
        >>> a = torch.rand(2, generator=moment.generator())
        >>> b = torch.rand(2, generator=generator(0, "train", 7))
        >>> bool((a == b).all())
        True
    """

    seed: int = 0
    purpose: str = "train"
    step: int = 0
    rank: int = 0
    world: int = 1

    def generator(self, name: str = "") -> torch.Generator:
        """Give a new generator of the stream ``name`` of this moment.

        The stream does not depend on ``rank``: all processes of a step draw the same tasks.
        """
        return generator(self.seed, f"{self.purpose}/{name}" if name else self.purpose, self.step)

    def within(self, name: str) -> "Moment":
        """Give the moment of a part, whose streams are unrelated to the streams of other parts."""
        return replace(self, purpose=f"{self.purpose}/{name}")


def distinct(population: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Draw ``count`` different numbers for every entry of ``population``, in random order.

    For an entry ``n`` they are from ``0 … n-1``. Floyd's algorithm (Bentley & Floyd, CACM 30(9),
    1987) runs over all entries at once, then a random permutation: every ordered selection is
    equally likely, and the cost depends only on ``count``, not on the size of the population.

    Args:
        population: Integer tensor ``[...]``, each entry at least ``count``.
        count: The number of draws for each entry.
        generator: The source of randomness.

    Returns:
        Integer tensor ``[..., count]``.
    """
    shape = (*population.shape, count)
    uniform = torch.rand(*shape, generator=generator, dtype=torch.float64)
    top = population.unsqueeze(-1) - count + torch.arange(count)
    chosen = _replaced((uniform * (top + 1)).long(), top)
    order = torch.rand(*shape, generator=generator).argsort(-1)
    return chosen.gather(-1, order)


def _replaced(draws: Tensor, top: Tensor) -> Tensor:
    """Replace every number that was drawn before by the largest one that could be drawn.

    Args:
        draws: Numbers in the order they were drawn, each from ``0 … top`` ``[..., count]``.
        top: The largest number at each place; it grows by 1 from place to place.
    """
    chosen = torch.empty_like(draws)
    for j in range(draws.shape[-1]):
        here = slice(j, j + 1)
        taken = (chosen[..., :j] == draws[..., here]).any(-1, keepdim=True)
        chosen[..., here] = torch.where(taken, top[..., here], draws[..., here])
    return chosen


@contextmanager
def ambient(seed: int, purpose: str, step: int = 0) -> Iterator[None]:
    """Let torch's global generators draw the stream ``(seed, purpose, step)`` inside.

    Afterwards their state is restored. It is for modules that take no generator (dropout,
    ``reset_parameters``).
    """
    named = generator(seed, purpose, step)
    before = torch.get_rng_state()
    torch.set_rng_state(named.get_state())
    try:
        with _seeded_on_cuda(named.initial_seed()):
            yield
    finally:
        torch.set_rng_state(before)


@contextmanager
def _seeded_on_cuda(seed: int) -> Iterator[None]:
    """Seed the generators of CUDA's devices inside, if CUDA is in use."""
    if not (torch.cuda.is_available() and torch.cuda.is_initialized()):
        yield
        return
    before = torch.cuda.get_rng_state_all()
    for device_generator in torch.cuda.default_generators:
        device_generator.manual_seed(seed)
    try:
        yield
    finally:
        torch.cuda.set_rng_state_all(before)
