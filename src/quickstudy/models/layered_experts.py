"""Progressive layered extraction: shared experts and experts of each task, in layers."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from quickstudy.errors import require_at_least
from quickstudy.models.head import linear_head, scores_or_embeddings
from quickstudy.models.initialise import initialise
from quickstudy.models.protocol import Gives
from quickstudy.models.trunk import Gate, copies, embedding_size_of, gate_for, mix, outputs_of
from quickstudy.random import generator


class LayeredExperts(nn.Module):
    """Mix shared experts and experts of the task, layer by layer, below a linear head: PLE.

    With experts ``E_{k,·}`` of the task and shared ones ``E_{s,·}`` in layer ``j``, and ``g^{k,0} =
    g^{s,0} = x``::

        S^{k,j} = [E_{k,1}(g^{k,j−1}), …, E_{k,m_k}(g^{k,j−1}),
                   E_{s,1}(g^{s,j−1}), …, E_{s,m_s}(g^{s,j−1})]
        w^{k,j} = softmax(W^{k,j} g^{k,j−1} + b^{k,j})
        g^{k,j} = w^{k,j} S^{k,j}
        y^k     = h^k(g^{k,N})

    and ``g^{s,j}`` mixes only the shared experts, by a gate that sees ``g^{s,j−1}``. One layer is
    the paper's customized gate control (CGC); one layer without task experts is
    :class:`~quickstudy.models.MixtureOfExperts`.

    With :class:`~quickstudy.PartialSharing` each task has task experts, task gates and a head for
    itself.

    Args:
        trunk: The first shared expert of the first layer as it is, and the form of that layer's
            others: any network that gives embeddings. Experts of further layers are a linear layer
            with ReLU.
        outputs: Number of classes or targets; None gives the mixed embedding.
        num_shared_experts: Shared experts of a layer.
        num_task_experts: Experts of a layer that each task has for itself.
        num_layers: Number of layers.
        embedding_size: Length of the trunk's embeddings; by default the trunk's ``embedding_size``.
        gate_inputs: As of :class:`~quickstudy.models.MixtureOfExperts`.
        seed: Seed of the initial weights of all but the trunk.

    Raises:
        UserError: If a length is not known, or a number is too small.

    Source: Tang et al. 2020, section 4, eq. 1–6. Differs from the paper: there the shared gates
    between layers see the experts of all tasks, so that a prediction needs the weights of every
    task and a new task would change them all; here they see only the shared experts. Gates have
    biases, and a head is one layer.

    Example:
        >>> import torch, quickstudy as qs
        >>> trunk = qs.models.MLP(3, None, hidden=(8,))
        >>> model = qs.models.LayeredExperts(trunk, outputs=2, num_layers=1)
        >>> model(torch.zeros(5, 3)).shape, model.own
        (torch.Size([5, 2]), ('layers.0.task_experts', 'layers.0.task_gate', 'head'))
    """

    can_give: ClassVar[tuple[Gives, ...]] = ("scores", "embeddings")

    def __init__(
        self,
        trunk: nn.Module,
        outputs: int | None = 1,
        num_shared_experts: int = 2,
        num_task_experts: int = 1,
        num_layers: int = 2,
        embedding_size: int | None = None,
        gate_inputs: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        require_at_least(1, num_shared_experts=num_shared_experts, num_layers=num_layers)
        require_at_least(0, num_task_experts=num_task_experts)
        self.outputs, self.num_layers = outputs, num_layers
        self.num_shared_experts, self.num_task_experts = num_shared_experts, num_task_experts
        self.gate_inputs, self.seed = gate_inputs, seed
        self.gives = scores_or_embeddings(outputs)
        self.embedding_size = embedding_size_of(trunk, embedding_size)
        self.layers = self._make_layers(trunk)
        self.head = linear_head(self.embedding_size, outputs)
        self._initialise()

    @property
    def trunk(self) -> nn.Module:
        """The first shared expert of the first layer."""
        return self._first.shared_experts[0]

    @property
    def own(self) -> tuple[str, ...]:
        """The parts that each task has for itself."""
        parts = ("task_experts", "task_gate") if self.num_task_experts else ("task_gate",)
        levels = range(self.num_layers)
        return *(f"layers.{level}.{part}" for level in levels for part in parts), "head"

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[example, *feature]`` to ``[example, output]``."""
        own, shared = x, x
        for layer in self.layers:
            own, shared = layer(own, shared)
        return self.head(own)

    @property
    def _first(self) -> "_Layer":
        layer = self.layers[0]
        assert isinstance(layer, _Layer)
        return layer

    def _make_layers(self, trunk: nn.Module) -> nn.ModuleList:
        """Make the layers; only in the first one are the experts of the trunk's form."""
        size, last = self.embedding_size, self.num_layers - 1
        layers = nn.ModuleList([self._make_layer(trunk, self.gate_inputs, last == 0)])
        for level in range(1, self.num_layers):
            layers.append(self._make_layer(_hidden(size), size, level == last))
        return layers

    def _make_layer(self, expert: nn.Module, gate_inputs: int | None, is_last: bool) -> "_Layer":
        counts = (self.num_shared_experts, self.num_task_experts)
        return _Layer(_Form(expert, gate_inputs, *counts, self.seed), is_last)

    def _initialise(self) -> None:
        """Draw all weights except the experts of the first layer."""
        drawn = nn.ModuleList([*self._first.gates(), *self.layers[1:], self.head])
        initialise(drawn, generator(self.seed, "model"))


def _hidden(size: int) -> nn.Module:
    """Make an expert of a layer after the first."""
    return nn.Sequential(nn.Linear(size, size), nn.ReLU())


@dataclass(frozen=True)
class _Form:
    """Hold the form of a layer.

    Attributes:
        expert: The first expert as it is, and the form of the others.
        gate_inputs: The length of a flattened input; None if the expert says it.
        num_shared: Number of shared experts.
        num_task: Number of experts of the task.
        seed: Seed of the initial weights of the other experts.
    """

    expert: nn.Module
    gate_inputs: int | None
    num_shared: int
    num_task: int
    seed: int

    def experts(self) -> list[nn.Module]:
        """Make all experts, the shared ones first."""
        return list(copies(self.expert, self.num_shared + self.num_task, self.seed))

    def gate(self, choices: int) -> Gate:
        """Make a gate between experts."""
        return gate_for(self.expert, choices, self.gate_inputs)


class _Layer(nn.Module):
    """Hold the experts of a layer and their gates; the last has no gate for the shared path."""

    def __init__(self, form: _Form, is_last: bool) -> None:
        super().__init__()
        experts = form.experts()
        self.shared_experts = nn.ModuleList(experts[: form.num_shared])
        self.task_experts = nn.ModuleList(experts[form.num_shared :])
        self.task_gate = form.gate(len(experts))
        self.shared_gate = None if is_last else form.gate(form.num_shared)

    def gates(self) -> list[nn.Module]:
        """Give the gates of this layer."""
        return [gate for gate in (self.task_gate, self.shared_gate) if gate is not None]

    def forward(self, own: Tensor, shared: Tensor) -> tuple[Tensor, Tensor]:
        """Give the inputs of the next layer, on the task's path and on the shared path."""
        of_shared = outputs_of(self.shared_experts, shared)
        of_task = outputs_of(self.task_experts, own)
        mixed = mix(self.task_gate(own), [*of_task, *of_shared])
        if self.shared_gate is None:
            return mixed, shared
        return mixed, mix(self.shared_gate(shared), of_shared)


__all__ = ["LayeredExperts"]
