"""Multi-gate mixture of experts: what each expert counts for an example is the task's own."""

from torch import Tensor, nn

from quickstudy.errors import require
from quickstudy.models.initialise import initialise
from quickstudy.models.trunk import copies, embedding_size_of, gate_for, mix
from quickstudy.random import generator


class MixtureOfExperts(nn.Module):
    """Several experts of one form, mixed by a gate that looks at the example, then a linear head:
    MMoE.

    ``f(x) = Σ_i g(x)_i f_i(x)``, ``g(x) = softmax(W x + b)``, ``y = h(f(x))``.

    With :class:`~quickstudy.PartialSharing` gate and head are the task's own, ``g^k`` and ``h^k``,
    and the experts are shared.

    Args:
        trunk: The first expert as it is, and the form of the others, which are drawn afresh: any
            network that gives embeddings.
        outputs: Classes or targets; None gives the mixed embedding.
        num_experts: Number of experts.
        embedding_size: Length of the trunk's embeddings; by default the trunk's ``embedding_size``.
        gate_inputs: Length of a flattened input; by default what the trunk says. Where it says
            ``in_channels`` it takes images, and the gate sees their means over a grid of 4 × 4.
        seed: Seed of the initial weights of gate, head and the other experts.

    Raises:
        UserError: If a length is not known, or there is no expert.

    Source: Ma et al. 2018, eq. 6–8. Differs from the paper: the gate has a bias, by which a task
        can prefer an expert whatever the
    example; their head is a small network, here a layer.

    Example:
        >>> import torch, quickstudy as qs
        >>> model = qs.models.MixtureOfExperts(qs.models.MLP(3, None, hidden=(8,)), outputs=2, num_experts=4)
        >>> model(torch.zeros(5, 3)).shape, model.own
        (torch.Size([5, 2]), ('gate', 'head'))
    """

    own = ("gate", "head")
    """The parts that are a task's own."""

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
        require(
            num_experts >= 1,
            f"Parameter `num_experts` should be at least 1. Found num_experts={num_experts}.",
        )
        self.outputs, self.num_experts, self.gate_inputs, self.seed = (
            outputs,
            num_experts,
            gate_inputs,
            seed,
        )
        self.embedding_size = embedding_size_of(trunk, embedding_size)
        self.experts = copies(trunk, num_experts, seed)
        self.gate = gate_for(trunk, num_experts, gate_inputs)
        self.head = nn.Identity() if outputs is None else nn.Linear(self.embedding_size, outputs)
        initialise(nn.ModuleList([self.gate, self.head]), generator(seed, "model"))

    @property
    def trunk(self) -> nn.Module:
        """The first expert."""
        return self.experts[0]

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[example, *feature]`` to ``[example, output]``."""
        return self.head(mix(self.gate(x), [expert(x) for expert in self.experts]))


__all__ = ["MixtureOfExperts"]
