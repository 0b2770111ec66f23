"""Memory-augmented neural network: reads a task as a sequence and keeps it in an external memory."""

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.learners.embedding import EmbeddingLearner
from quickstudy.learners.learner import Adapted, evaluating
from quickstudy.models.initialise import initialise
from quickstudy.models.memory import LeastUsedMemory, MemoryState
from quickstudy.models.trunk import embedding_size_of
from quickstudy.random import Moment, generator
from quickstudy.targets import Target, mean_over_examples

State = dict[str, Tensor]


class MANN(EmbeddingLearner):
    """Reads a task as a sequence, each label one step late, and keeps what it saw in an external
    memory.

    Step ``t`` of the sequence::

        h_t, c_t = LSTM([f(x_t), 1[y_{t−1}], r_{t−1}], h_{t−1}, c_{t−1})
        r_t = memory(tanh(W_k · h_t + b_k))              (LeastUsedMemory: writes, then reads)
        scores_t = W_o · [h_t, r_t] + b_o

    In training support and query examples of a task are one sequence in random order, and the loss
    is the mean cross-entropy of all its steps (0 for a task without queries). :meth:`adapt` reads
    the support set in the order given, and every query is then the next step of its own: queries do
    not see each other. Any shot; labels must be given to the classes at random, as the library's
    sources do.

    The random order of a task is drawn by the moment of the episode and the identity of the task, so
    it does not depend on which other tasks stand beside it.

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
        sharpness: Where the learned factors of the cosine start.
        bf16: Embed under bfloat16 autocast.
        seed: Seed of the initial weights.

    Raises:
        UserError: If a size is out of range, the length of the embeddings is not known, or a task
            has more classes than ``way``.

    Source: Santoro et al. 2016, section 3 and eq. 1–8. Differs from the paper: see the memory;
        ``f`` is any network, whose
    embeddings are normalised over a batch in training, by running averages at test (what they have
    in common hides in which they differ, and nothing is learned for long); 1 is added to the LSTM's
    forget gate, so that it starts open.

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
        for name, value in (("way", way), ("controller_size", controller_size)):
            require(value >= 1, f"Parameter `{name}` should be at least 1. Found {name}={value}.")
        self.way, self.embedding_size, self.controller_size = way, size, controller_size
        self.slots, self.width, self.heads, self.sharpness, self.seed = (
            slots,
            width,
            heads,
            sharpness,
            seed,
        )
        self.memory = LeastUsedMemory(slots, width, heads, sharpness=sharpness)
        self.inputs = nn.Linear(size + way, 4 * controller_size)
        self.recurrent = nn.Linear(controller_size + heads * width, 4 * controller_size, bias=False)
        self.keys = nn.Linear(controller_size, heads * width)
        self.output = nn.Linear(controller_size + heads * width, way)
        draw = generator(seed, "learner")
        for part in (self.inputs, self.recurrent, self.keys, self.output):
            initialise(part, draw)

    @property
    def any_way(self) -> bool:
        """False: each of the ``way`` labels has its learned input and output."""
        return False

    def losses(self, episodes: Episode) -> Float[Tensor, " task"]:
        """The mean loss of all steps of every task's sequence ``[task]``."""
        sequence = self.sequence(episodes)
        of_steps = sequence.target.example_losses(self._read(sequence), sequence.y)
        per_step = of_steps.masked_fill(sequence.mask == 0, 0)
        return mean_over_examples(per_step, sequence.mask) * episodes.query.mask.any(1)

    def by_instance(
        self, episodes: Episode, instances: Sequence[int] = (1, 2, 5, 10)
    ) -> Float[Tensor, "task instance"]:
        """Accuracy at the given presentations of a class ``[task, instance]``, counted from 1, in a
        sequence as in training.

        It is that of the classes of a task that are shown so often, NaN where there are none. At
        the first presentation nobody can know the label: the best guess is among the labels not
        seen yet, right in ``(1 + 1/2 + … + 1/way) / way`` of the classes, 46 % for 5.

        Source: Santoro et al. 2016, table 1.
        """
        sequence = self.sequence(episodes)
        with evaluating(self), torch.no_grad():
            correct = self._read(sequence).argmax(-1) == sequence.y
        shown = F.one_hot(sequence.y.long(), self.way) * (sequence.mask > 0).unsqueeze(-1)
        instance = (shown.cumsum(1) * shown).sum(-1)  # 0 for padding
        columns = [(correct & (instance == i)).sum(1) / (instance == i).sum(1) for i in instances]
        return torch.stack(columns, 1)

    def sequence(self, episodes: Episode) -> Batch:
        """Support and query examples of every task in random order, padding last."""
        parts = (episodes.support, episodes.query)
        for part in parts:
            self.check(part.target)
        whole = Batch.joined(parts, axis=1)
        return _take(whole, _random_order(whole.mask, episodes.task, episodes.moment))

    def serves(self, target: Target) -> str | None:
        """At most as many classes as it has labels."""
        if target.way and target.way <= self.way:
            return None
        return (
            "Parameter `way` should be at least the classes of a task. "
            f"Found way={self.way}, {target.way} classes."
        )

    def summarise(self, embedded: Tensor, support: Batch, way: int) -> Adapted:
        """Controller, memory and the last label after the support set, ``[task, ...]`` each."""
        order = (support.mask == 0).to(torch.uint8).argsort(dim=1, stable=True)
        read = _take(replace(support, x=embedded), order)
        state, gates, labels = self._start(read.x), self._gates(read), self._labels(read)
        for t in range(read.x.shape[1]):
            new = self._step(gates[:, t], state) | {"label": labels[:, t]}
            real = read.mask[:, t] > 0
            state = {
                name: torch.where(real.reshape(-1, *[1] * (old.ndim - 1)), new[name], old)
                for name, old in state.items()
            }
        return state

    def compare(self, embedded: Tensor, adapted: Adapted) -> Tensor:
        """The scores ``[task, example, class]`` of queries, each the next step after the support set."""
        examples = embedded.shape[1]
        state = {name: value.repeat_interleave(examples, 0) for name, value in adapted.items()}
        gates = self.inputs(torch.cat([embedded.flatten(0, 1).flatten(1), state["label"]], -1))
        scores: Tensor = self.output(self._step(gates, state)["seen"])
        return scores.unflatten(0, embedded.shape[:2])

    def _read(self, sequence: Batch) -> Tensor:
        """The scores of every step ``[task, time, class]``."""
        embedded = replace(sequence, x=self.embed(sequence.x, sequence.mask))
        state, seen = self._start(embedded.x), []
        for gates in self._gates(embedded).unbind(1):
            state = self._step(gates, state)
            seen.append(state["seen"])
        scores: Tensor = self.output(torch.stack(seen, 1))
        return scores

    def _start(self, embedded: Tensor) -> State:
        """Nothing read: zeros everywhere."""
        tasks, memory = len(embedded), self.memory.empty(len(embedded))
        zeros = {
            "seen": self.controller_size + self.heads * self.width,
            "cell": self.controller_size,
            "label": self.way,
        }
        return {
            **{name: memory.content.new_zeros(tasks, size) for name, size in zeros.items()},
            **memory._asdict(),
        }

    def _labels(self, sequence: Batch) -> Tensor:
        return F.one_hot(sequence.y.long(), self.way).to(sequence.x.dtype)

    def _gates(self, sequence: Batch) -> Tensor:
        """What examples and late labels contribute to the controller's gates ``[task, time, gate]``, for all steps at once."""
        late = F.pad(self._labels(sequence), (0, 0, 1, 0))[:, :-1]
        gates: Tensor = self.inputs(torch.cat([sequence.x.flatten(2), late], -1))
        return gates

    def _step(self, gates: Tensor, state: State) -> State:
        """One step of controller and memory: the new state, of which ``seen`` is ``[h_t, r_t]`` and a score is linear in that."""
        mixed = gates + self.recurrent(state["seen"])
        input_gate, forget_gate, output_gate, candidate = mixed.chunk(4, -1)
        cell = torch.addcmul(
            (forget_gate + 1).sigmoid() * state["cell"], input_gate.sigmoid(), candidate.tanh()
        )
        hidden = output_gate.sigmoid() * cell.tanh()
        keys = self.keys(hidden).tanh().unflatten(-1, (self.heads, self.width))
        read, memory = self.memory(
            keys, MemoryState(state["content"], state["usage"], state["read"])
        )
        return {
            "seen": torch.cat([hidden, read.flatten(-2)], -1),
            "cell": cell,
            "label": state["label"],
            **memory._asdict(),
        }


def _take(batch: Batch, order: Tensor) -> Batch:
    """``batch`` with the examples of every task in ``order`` ``[task, example]``."""
    task = torch.arange(len(order), device=order.device).unsqueeze(1)
    return batch.each(lambda values: values[task, order])


def _random_order(mask: Tensor, task: Tensor, moment: Moment) -> Tensor:
    """Give an order ``[task, example]`` of every task's real examples, padding last.

    It is uniform, drawn by the moment and the identity ``task`` ``[task]``.
    """
    orders = []
    for own, identity in zip((mask > 0).cpu(), task.tolist(), strict=True):
        real, padding = own.nonzero().squeeze(1), (~own).nonzero().squeeze(1)
        drawn = torch.randperm(len(real), generator=moment.generator(f"order of {identity}"))
        orders.append(torch.cat([real[drawn], padding]))
    return torch.stack(orders).to(mask.device)


__all__ = ["MANN"]
