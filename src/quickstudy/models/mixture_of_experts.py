"""Multi-gate mixture of experts: each task weighs shared experts by its gate."""

from typing import ClassVar

from torch import Tensor, nn

from quickstudy.errors import require_at_least
from quickstudy.models.head import linear_head, scores_or_embeddings
from quickstudy.models.initialise import initialise
from quickstudy.models.protocol import Gives
from quickstudy.models.trunk import copies, embedding_size_of, gate_for, mix, outputs_of
from quickstudy.random import generator


class MixtureOfExperts(nn.Module):
    """Mix several experts of one form by a gate that looks at the example, then a head: MMoE.

    ``f(x) = Σ_i g(x)_i f_i(x)``, ``g(x) = softmax(W x + b)``, ``y = h(f(x))``.

    With :class:`~quickstudy.PartialSharing` each task ``k`` has a gate ``g^k`` and a head ``h^k``
    for itself, and the experts are shared.

    Args:
        trunk: The first expert as it is, and the form of the others, which are drawn afresh: any
            network that gives embeddings.
        outputs: Number of classes or targets; None gives the mixed embedding.
        num_experts: Number of experts.
        embedding_size: Length of the trunk's embeddings; by default the trunk's ``embedding_size``.
        gate_inputs: Length of a flattened input; by default the one that the trunk says. If the
            trunk says ``in_channels`` only, it takes images, and the gate sees their means over a
            grid of 4 × 4.
        seed: Seed of the initial weights of gate, head and the other experts.

    Raises:
        UserError: If a length is not known, or there is no expert.

    Source: Ma et al. 2018, eq. 6–8. Differs from the paper: the gate has a bias, by which a task
    can prefer an expert for every example; their head is a small network, here it is a layer.

    Example:
        >>> import torch, quickstudy as qs
        >>> trunk = qs.models.MLP(3, None, hidden=(8,))
        >>> model = qs.models.MixtureOfExperts(trunk, outputs=2, num_experts=4)
        >>> model(torch.zeros(5, 3)).shape, model.own
        (torch.Size([5, 2]), ('gate', 'head'))
    """

    can_give: ClassVar[tuple[Gives, ...]] = ("scores", "embeddings")
    own = ("gate", "head")
    """The parts that each task has for itself."""

    def __init__(
        self,
        trunk: nn.Module,
        outputs: int | None = 1,
        num_experts: int = 4,
        embedding_size: int | None = None,
        gate_inputs: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        require_at_least(1, num_experts=num_experts)
        self.outputs, self.num_experts = outputs, num_experts
        self.gate_inputs, self.seed = gate_inputs, seed
        self.gives = scores_or_embeddings(outputs)
        self.embedding_size = embedding_size_of(trunk, embedding_size)
        self.experts = copies(trunk, num_experts, seed)
        self.gate = gate_for(trunk, num_experts, gate_inputs)
        self.head = linear_head(self.embedding_size, outputs)
        initialise(nn.ModuleList([self.gate, self.head]), generator(seed, "model"))

    @property
    def trunk(self) -> nn.Module:
        """The first expert."""
        return self.experts[0]

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[example, *feature]`` to ``[example, output]``."""
        return self.head(mix(self.gate(x), outputs_of(self.experts, x)))


__all__ = ["MixtureOfExperts"]
