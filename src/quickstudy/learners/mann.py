"""Memory-augmented neural network: a task is a sequence, kept in an external memory."""

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from quickstudy.episode import Batch, Episode
from quickstudy.errors import require_at_least
from quickstudy.learners.embedding import EmbeddingLearner
from quickstudy.learners.learner import Adapted
from quickstudy.learners.tensors import real_first, rows_at
from quickstudy.models.functional import evaluating
from quickstudy.models.initialise import initialise
from quickstudy.models.memory import LeastUsedMemory, MemoryState
from quickstudy.models.trunk import embedding_size_of
from quickstudy.random import Moment, generator
from quickstudy.targets import Target, mean_over_examples

State = dict[str, Tensor]


class MANN(EmbeddingLearner):
    """Read a task as a sequence, each label one step late, and keep it in an external memory.

    Step ``t`` of the sequence::

        h_t, c_t = LSTM([f(x_t), 1[y_{t−1}], r_{t−1}], h_{t−1}, c_{t−1})
        r_t = memory(tanh(W_k · h_t + b_k))              (LeastUsedMemory: writes, then reads)
        scores_t = W_o · [h_t, r_t] + b_o

    In training, support and query examples of a task are one sequence in random order. The loss is
    the mean cross-entropy of all its steps (0 for a task without queries). :meth:`adapt` reads the
    support set in the given order. Each query then continues a copy of this sequence, so queries do
    not see each other. Any shot is served. Labels must be given to the classes at random, as the
    library's sources do.

    The random order of a task is drawn by the moment of the episode and the identity of the task,
    so it does not depend on the other tasks of the step.

    Args:
        model: An embedding ``[example, *feature]``, e.g. ``Conv4(way=None)``; ``nn.Flatten()`` as
            in the paper.
        way: The most classes of a task.
        embedding_size: Length of the embeddings; by default the model's ``embedding_size``.
        controller_size: Length of the LSTM's state.
        slots: Slots of the memory, see :class:`~quickstudy.models.memory.LeastUsedMemory`, as the
            next three.
        width: Length of a slot.
        heads: Heads that read and write.
        sharpness: Initial value of the learned factors of the cosine.
        bf16: Embed under bfloat16 autocast.
        seed: Seed of the initial weights.

    Raises:
        UserError: If a size is out of range, the length of the embeddings is not known, or a task
            has more classes than ``way``.

    Source: Santoro et al. 2016, section 3 and eq. 1–8. Differs from the paper: see the memory.
        ``f`` is any network. Its embeddings are normalised over a batch in training, by running
        averages at test. Otherwise the common part of the embeddings hides their differences, and
        nothing is learned for long. 1 is added to the LSTM's forget gate, so that it starts open.

    Example:
        >>> import quickstudy as qs, torch
        >>> learner = qs.MANN(torch.nn.Identity(), way=2, embedding_size=2)
        >>> support = qs.Batch.of(torch.eye(2), torch.tensor([0, 1]))
        >>> learner.predict(learner.adapt(support), torch.rand(1, 3, 2)).shape
        torch.Size([1, 3, 2])
    """

    def __init__(
        self,
        model: nn.Module,
        way: int = 5,
        embedding_size: int | None = None,
        controller_size: int = 200,
        slots: int = 128,
        width: int = 40,
        heads: int = 4,
        sharpness: float = 10.0,
        bf16: bool = False,
        seed: int = 0,
    ) -> None:
        size = embedding_size_of(model, embedding_size)
        super().__init__(model, bf16, normalised=size)
        require_at_least(1, way=way, controller_size=controller_size)
        self.way, self.embedding_size = way, size
        self.controller_size, self.sharpness = controller_size, sharpness
        self.slots, self.width = slots, width
        self.heads, self.seed = heads, seed
        self._make_layers()

    def _make_layers(self) -> None:
        """Make memory and controller."""
        gates = 4 * self.controller_size
        self.memory = LeastUsedMemory(self.slots, self.width, self.heads, sharpness=self.sharpness)
        self.inputs = nn.Linear(self.embedding_size + self.way, gates)
        self.recurrent = nn.Linear(self.seen_size, gates, bias=False)
        self.keys = nn.Linear(self.controller_size, self.heads * self.width)
        self.output = nn.Linear(self.seen_size, self.way)
        self._draw_layers()

    def _draw_layers(self) -> None:
        """Draw the weights of the controller."""
        draw = generator(self.seed, "learner")
        for part in (self.inputs, self.recurrent, self.keys, self.output):
            initialise(part, draw)

    @property
    def seen_size(self) -> int:
        """Return the length of ``[h_t, r_t]``, which the scores are linear in."""
        return self.controller_size + self.heads * self.width

    @property
    def any_way(self) -> bool:
        """Return False: each of the ``way`` labels has its learned input and output."""
        return False

    def losses(self, episodes: Episode) -> Float[Tensor, " task"]:
        """Return the mean loss of all steps of every task's sequence ``[task]``."""
        sequence = self.sequence(episodes)
        per_step = self._losses_of_steps(sequence)
        return mean_over_examples(per_step, sequence.mask) * episodes.query.mask.any(1)

    def _losses_of_steps(self, sequence: Batch) -> Tensor:
        """Return the loss of every step ``[task, time]``; 0 for padding."""
        losses = sequence.target.example_losses(self._read(sequence), sequence.y)
        return losses.masked_fill(sequence.mask == 0, 0)

    def by_instance(
        self, episodes: Episode, instances: Sequence[int] = (1, 2, 5, 10)
    ) -> Float[Tensor, "task instance"]:
        """Return the accuracy at the given presentations of a class ``[task, instance]``.

        Presentations are counted from 1, in a sequence as in training. The accuracy is the mean
        over the classes of a task that are shown that often, NaN if there are none. At the first
        presentation nobody can know the label. The best guess is one of the labels not seen yet,
        right in ``(1 + 1/2 + … + 1/way) / way`` of the classes, 46 % for 5.

        Source: Santoro et al. 2016, table 1.
        """
        sequence = self.sequence(episodes)
        correct, of_step = self._are_correct(sequence), self._instances(sequence)
        return torch.stack([_share(correct, of_step == i) for i in instances], 1)

    def _are_correct(self, sequence: Batch) -> Tensor:
        """Return whether the best guess of every step is right ``[task, time]``."""
        with evaluating(self), torch.no_grad():
            return self._read(sequence).argmax(-1) == sequence.y

    def _instances(self, sequence: Batch) -> Tensor:
        """Count how often the class of every step was shown so far; 0 for padding."""
        shown = F.one_hot(sequence.y.long(), self.way) * (sequence.mask > 0).unsqueeze(-1)
        return (shown.cumsum(1) * shown).sum(-1)

    def sequence(self, episodes: Episode) -> Batch:
        """Join support and query examples of every task in random order, padding last."""
        parts = (episodes.support, episodes.query)
        self._check_all(parts)
        whole = Batch.joined(parts, axis=1)
        return rows_at(whole, _random_order(whole.mask, episodes.task, episodes.moment))

    def _check_all(self, parts: Sequence[Batch]) -> None:
        """Raise if one of ``parts`` asks for a target that cannot be served."""
        for part in parts:
            self.check(part.target)

    def serves(self, target: Target) -> str | None:
        """Serve at most as many classes as it has labels."""
        if target.way and target.way <= self.way:
            return None
        return (
            "Parameter `way` should be at least the classes of a task. "
            f"Found way={self.way}, {target.way} classes."
        )

    def summarise(self, embedded: Tensor, support: Batch, way: int) -> Adapted:
        """Return controller, memory and last label after the support set, ``[task, ...]`` each."""
        read = _padding_last(replace(support, x=embedded))
        state = self._start(read.x)
        gates, labels = self._gates(read), self._labels(read)
        for t in range(read.x.shape[1]):
            new = self._step(gates[:, t], state) | {"label": labels[:, t]}
            state = _where(read.mask[:, t] > 0, new, state)
        return state

    def compare(self, embedded: Tensor, adapted: Adapted) -> Tensor:
        """Score queries ``[task, example, class]``, each as the next step after the support set."""
        state = _repeated(adapted, embedded.shape[1])
        gates = self._gates_of(embedded.flatten(0, 1).flatten(1), state["label"])
        scores: Tensor = self.output(self._step(gates, state)["seen"])
        return scores.unflatten(0, embedded.shape[:2])

    def _read(self, sequence: Batch) -> Tensor:
        """Return the scores of every step ``[task, time, class]``."""
        embedded = replace(sequence, x=self.embed(sequence.x, sequence.mask))
        state, seen = self._start(embedded.x), []
        for gates in self._gates(embedded).unbind(1):
            state = self._step(gates, state)
            seen.append(state["seen"])
        scores: Tensor = self.output(torch.stack(seen, 1))
        return scores

    def _start(self, embedded: Tensor) -> State:
        """Return the state before anything is read: zeros everywhere."""
        tasks, memory = len(embedded), self.memory.empty(len(embedded))
        sizes = self._sizes().items()
        zeros = {name: memory.content.new_zeros(tasks, size) for name, size in sizes}
        return {**zeros, **memory._asdict()}

    def _sizes(self) -> dict[str, int]:
        """Return the lengths of all tensors of a state but the memory's."""
        return {"seen": self.seen_size, "cell": self.controller_size, "label": self.way}

    def _labels(self, sequence: Batch) -> Tensor:
        return F.one_hot(sequence.y.long(), self.way).to(sequence.x.dtype)

    def _gates(self, sequence: Batch) -> Tensor:
        """Return the part of inputs and late labels in the gates ``[task, time, gate]``."""
        late = F.pad(self._labels(sequence), (0, 0, 1, 0))[:, :-1]
        return self._gates_of(sequence.x.flatten(2), late)

    def _gates_of(self, x: Tensor, labels: Tensor) -> Tensor:
        """Return the part of embedded inputs and of labels in the gates ``[..., gate]``."""
        gates: Tensor = self.inputs(torch.cat([x, labels], -1))
        return gates

    def _step(self, gates: Tensor, state: State) -> State:
        """Take one step of controller and memory.

        In the new state ``seen`` is ``[h_t, r_t]``; the scores are linear in it.
        """
        hidden, cell = _controlled(gates + self.recurrent(state["seen"]), state["cell"])
        keys = self.keys(hidden).tanh().unflatten(-1, (self.heads, self.width))
        before = MemoryState(state["content"], state["usage"], state["read"])
        read, memory = self.memory(keys, before)
        seen = torch.cat([hidden, read.flatten(-2)], -1)
        return {"seen": seen, "cell": cell, "label": state["label"], **memory._asdict()}


def _controlled(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """Take a step of an LSTM whose forget gate starts open: its output and its cell."""
    input_gate, forget_gate, output_gate, candidate = gates.chunk(4, -1)
    kept = (forget_gate + 1).sigmoid() * cell
    cell = torch.addcmul(kept, input_gate.sigmoid(), candidate.tanh())
    return output_gate.sigmoid() * cell.tanh(), cell


def _share(correct: Tensor, chosen: Tensor) -> Tensor:
    """Return the share of correct steps among those that are ``chosen`` ``[task]``."""
    return (correct & chosen).sum(1) / chosen.sum(1)


def _repeated(state: State, times: int) -> State:
    """Repeat the state of every task, one after the other."""
    return {name: value.repeat_interleave(times, 0) for name, value in state.items()}


def _where(real: Tensor, new: State, old: State) -> State:
    """Return the ``new`` state of tasks that are ``real`` ``[task]``, the ``old`` of the others."""
    return {
        name: torch.where(_beside(real, value), new[name], value) for name, value in old.items()
    }


def _beside(real: Tensor, value: Tensor) -> Tensor:
    """Shape ``real`` ``[task]`` to meet ``value`` ``[task, ...]``."""
    return real.reshape(-1, *[1] * (value.ndim - 1))


def _padding_last(batch: Batch) -> Batch:
    """Put the padding of every task of ``batch`` behind its examples."""
    return rows_at(batch, real_first(batch.mask))


def _random_order(mask: Tensor, task: Tensor, moment: Moment) -> Tensor:
    """Draw a random order ``[task, example]`` of every task's real examples, padding last.

    It is uniform, and drawn by the moment and the identities ``task`` ``[task]``.
    """
    pairs = zip((mask > 0).cpu(), task.tolist(), strict=True)
    orders = [_shuffled(own, moment.generator(f"order of {identity}")) for own, identity in pairs]
    return torch.stack(orders).to(mask.device)


def _shuffled(real: Tensor, draw: torch.Generator) -> Tensor:
    """Draw an order of the places that are ``real`` ``[example]``, the others last."""
    places, padding = real.nonzero().squeeze(1), (~real).nonzero().squeeze(1)
    return torch.cat([places[torch.randperm(len(places), generator=draw)], padding])


__all__ = ["MANN"]
