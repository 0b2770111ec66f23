"""Generator: a task's parameters are computed from its support set."""

from torch import nn

from quickstudy.bilevel import OuterGradient
from quickstudy.bilevel.optimisers import InnerOptimiserName
from quickstudy.learners.gradient import GradientLearner, StatisticsPolicy
from quickstudy.learners.mapping import MappingMode
from quickstudy.learners.modulation import ModulationName
from quickstudy.learners.outer import QueryLoss
from quickstudy.learners.parts import Embedding
from quickstudy.learners.steps import Descent


class Generator(GradientLearner):
    """Compute a task's parameters from its support set, then optionally take gradient steps.

    With ``f`` the body of the network (all below its last linear layer), a task has the embedding

    ``z = encoder({(f(x_i), y_i)})``

    (:class:`~quickstudy.learners.set_encoder.SetEncoder`), which changes layers of the network that
    all tasks share: by ``kind="film"`` the channels of their outputs, ``h ← (1 + γ) ∘ h + β`` with
    ``[γ, β] = G z``; by ``"lowrank"`` their weights, ``W ← W + Σ_r s_r u_r v_rᵀ`` and ``b ← b + β``
    with ``[s, β] = G z``. The loss of a task is ``L_query(z_K, θ)`` with ``z_0 = z`` and ``z_{k+1}
    = z_k − inner_lr · ∇_z L_support(z_k, θ)``; ``θ`` holds network, encoder, ``G``, ``u`` and
    ``v``. ``G = 0`` at the start, and ``z = 0`` without support examples: the shared network.

    In classification the encoder sees the classes without their numbers: each class is pooled by
    itself, then all are averaged. The head is the nearest-prototype classifier of the task's
    features, which inner steps change too. So classes may be numbered in any order, and tasks have
    any number of them.

    An adapted task is ``embedding_size`` numbers (and a head in classification).

    Args:
        model: A network that ends in a linear layer (with a bias, for classes); see
            :class:`~quickstudy.learners.gradient.GradientLearner`, also for ``statistics`` and
            ``mapping``.
        kind: ``"film"`` or ``"lowrank"``.
        embedding_size: Length of ``z``.
        encoder_size: Width of the encoder.
        rank: Terms of rank one of every layer (``"lowrank"``).
        layers: Names of the layers that change; by default all linear layers and convolutions of
            the body, or for ``"film"`` its batch norms if it has any.
        side: Side information: columns of ``x`` ``[task, example, feature]`` that are constant
            within a task. The output of a network of them is added to ``z``. They are read off the
            row that is predicted, so a task without support examples has them too.
        inner_lr: Inner learning rate of ``z`` and the head.
        inner_steps: Inner steps in training.
        test_steps: Inner steps at test; by default as many as in training.
        inner_optimiser: ``"sgd"``, ``"momentum"`` or ``"adam"``.
        outer_gradient: ``"unrolled"``, ``"stepwise"`` or ``"first_order"``, see
            :class:`~quickstudy.MAML`.
        statistics: The statistics that batch norms use.
        mapping: How tasks are computed together.

    Raises:
        UserError: If a number is out of range, the model does not end in a linear layer, or a layer
            cannot be changed.

    Source: Requeima et al. 2019 (CNAPs), section 2.2; Vuorio et al. 2019 (MMAML), algorithm 1; Ha,
        Dai & Le 2017 for generated weights. Differs from them: inner steps change the embedding,
        not all weights, as in LEO (Rusu et al. 2019, section 2.2). Examples are encoded by the body
        of the network and pooled; MMAML reads them in turn. The head of classes is made of
        prototypes (Triantafillou et al. 2020, section 4); CNAPs generates it.

    Example:
        >>> import quickstudy as qs
        >>> learner = qs.Generator(qs.models.MLP(1, 1), embedding_size=8)
        >>> task = qs.tasks.Line().episodes(shot=5, query=5).sample(1, qs.Moment(0, "example"))
        >>> learner.adapt(task.support)["embedding"].shape
        torch.Size([1, 8])
    """

    def __init__(
        self,
        model: nn.Module,
        kind: ModulationName = "film",
        embedding_size: int = 32,
        encoder_size: int = 64,
        rank: int = 4,
        layers: tuple[str, ...] | None = None,
        side: tuple[int, ...] = (),
        inner_lr: float = 0.1,
        inner_steps: int = 0,
        test_steps: int | None = None,
        inner_optimiser: InnerOptimiserName = "sgd",
        outer_gradient: OuterGradient = "unrolled",
        statistics: StatisticsPolicy = "support",
        mapping: MappingMode = "auto",
    ) -> None:
        part = Embedding(kind, embedding_size, encoder_size, rank, layers, side)
        step, gradient = Descent(inner_lr, inner_optimiser), QueryLoss.explicit(outer_gradient)
        super().__init__(model, part, step, gradient, inner_steps, test_steps, statistics, mapping)
        self.kind, self.embedding_size = kind, embedding_size
        self.encoder_size, self.rank = encoder_size, rank
        self.layers, self.side = layers, tuple(side)
        self.inner_lr, self.inner_optimiser = inner_lr, inner_optimiser
        self.outer_gradient: OuterGradient = outer_gradient


__all__ = ["Generator"]
