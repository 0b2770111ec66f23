"""Generator: a task's parameters are computed from its support set."""

from functools import partial
from typing import cast

from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from quickstudy.bilevel import OuterGradient, State
from quickstudy.bilevel.optimisers import InnerOptimiserName, Weights
from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.learners.embedding import members
from quickstudy.learners.gradient import GradientLearner, InnerLoop, StatisticsPolicy
from quickstudy.learners.head import head_parameters, prototype_head, without_head
from quickstudy.learners.mapping import MappingMode, over_tasks
from quickstudy.learners.modulation import (
    ModulationName,
    layers_to_modulate,
    modulating,
    modulation,
)
from quickstudy.learners.part_loop import PartLoop
from quickstudy.learners.set_encoder import SetEncoder, two_layers
from quickstudy.models.norm import Statistics, forward
from quickstudy.targets import Numbers, Target

EMBEDDING, GENERATOR = "embedding", "generator."


class Generator(GradientLearner):
    """A task's parameters are computed from its support set, at once; then gradient steps, if
    wanted.

    With ``f`` the body of the network (all below its last linear layer) a task has the embedding

    ``z = encoder({(f(x_i), y_i)})``

    (:class:`~quickstudy.learners.set_encoder.SetEncoder`), which changes layers of the network that
    all tasks share: by ``kind="film"`` the channels of their outputs, ``h ← (1 + γ) ∘ h + β`` with
    ``[γ, β] = G z``; by ``"lowrank"`` their weights, ``W ← W + Σ_r s_r u_r v_rᵀ`` and ``b ← b + β``
    with ``[s, β] = G z``. The loss of a task is ``L_query(z_K, θ)`` with ``z_0 = z`` and ``z_{k+1}
    = z_k − inner_lr · ∇_z L_support(z_k, θ)``; ``θ`` holds network, encoder, ``G``, ``u`` and
    ``v``. ``G = 0`` at the start, and ``z = 0`` without support examples: the shared network.

    In classification the encoder sees the classes without their numbers (each is pooled alone, then
    all are averaged), and the head is the nearest-prototype classifier of the task's own features,
    which inner steps change too: so classes may be numbered in any way, and tasks have any number
    of them.

    An adapted task is ``embedding_size`` numbers (and a head in classification).

    Args:
        model: A network that ends in a linear layer (with a bias, for classes); otherwise see
            :class:`~quickstudy.learners.gradient.GradientLearner`, as all others below.
        kind: ``"film"`` or ``"lowrank"``.
        embedding_size: Length of ``z``.
        encoder_size: Width of the encoder.
        rank: Terms of rank one of every layer (``"lowrank"``).
        layers: Names of the layers that change; by default all linear layers and convolutions of
            the body, or for ``"film"`` its batch norms where it has any.
        side: Side information: columns of ``x`` ``[task, example, feature]`` that are constant
            within a task. A network of them is added to ``z``, read off the row that is predicted:
            a task without support examples has its side information too.
        inner_lr: Inner learning rate of ``z`` and the head.
        inner_steps: Inner steps in training.
        test_steps: Inner steps at test; by default as many as in training.
        inner_optimiser: ``"sgd"``, ``"momentum"`` or ``"adam"``.
        outer_gradient: ``"unrolled"``, ``"stepwise"`` or ``"first_order"``, see
            :class:`~quickstudy.MAML`.
        statistics: Whose mean and variance batch norms use.
        mapping: How tasks are computed together.

    Raises:
        UserError: If a number is out of range, the model does not end in a linear layer, or a layer
            cannot be changed.

    Source: Requeima et al. 2019 (CNAPs), section 2.2; Vuorio et al. 2019 (MMAML), algorithm 1; Ha,
        Dai & Le 2017 for generated
    weights. Differs from them: steps change the embedding (as those of LEO do, Rusu et al. 2019,
    section 2.2) rather than all weights; examples are encoded by the network's own body and pooled,
    where MMAML reads them in turn; the head of classes is that of prototypes (Triantafillou et al.
    2020, section 4), where CNAPs generates it.

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
        super().__init__(
            model, inner_lr, inner_steps, test_steps, inner_optimiser, statistics, mapping
        )
        for name, size in (
            ("embedding_size", embedding_size),
            ("encoder_size", encoder_size),
            ("rank", rank),
        ):
            require(size >= 1, f"Parameter `{name}` should be at least 1. Found {name}={size}.")
        ways = ("unrolled", "stepwise", "first_order")
        require(
            outer_gradient in ways,
            f"Parameter `outer_gradient` should be one of {', '.join(ways)}. Found "
            f"{outer_gradient!r}.",
        )
        require(
            min(side, default=0) >= 0,
            f"Parameter `side` should hold columns from 0 on. Found side={tuple(side)}.",
        )
        self.kind, self.embedding_size, self.encoder_size, self.rank = (
            kind,
            embedding_size,
            encoder_size,
            rank,
        )
        self.layers, self.side, self.outer_gradient = layers, tuple(side), outer_gradient
        self._head = head_parameters(self.model)
        self._layers = (
            layers_to_modulate(self.model, self._head[0], kind) if layers is None else tuple(layers)
        )
        outputs, features = self.model.get_parameter(self._head[0]).shape
        self.encoder = SetEncoder(features, outputs, embedding_size, encoder_size)
        self.side_encoder = two_layers(len(side), encoder_size, embedding_size) if side else None
        self.modulations = nn.ModuleList(
            modulation(self.model, name, kind, embedding_size, rank) for name in self._layers
        )

    @property
    def any_way(self) -> bool:
        """True: the head of classes is made of the support set."""
        return True

    def meta(self) -> State:
        """What is meta-learned: the network, the encoder, and how embeddings change layers."""
        own = {
            GENERATOR + name: value
            for name, value in self.named_parameters()
            if not name.startswith("model.") and value.requires_grad
        }
        return {**super().meta(), **own}

    def problem(
        self, meta: State, support: Batch, query: Batch | None = None, way: int | None = None
    ) -> tuple[InnerLoop, State]:
        """The inner loop of the embedding (and head), with the shared network among the tensors it depends on."""
        self.check_head(support.x)
        return PartLoop(self, support, query, way), meta

    def serves(self, target: Target) -> str | None:
        """Classes, and as many numbers as the network has outputs.

        The encoder reads every target of an example; of several kinds some labels are missing.
        """
        outputs = self.model.get_parameter(self._head[0]).shape[0]
        numbers = isinstance(target, Numbers) and target.scores == outputs
        if target.way or numbers:
            return None
        return f"It serves classes, or {outputs} numbers."

    def losses(self, episodes: Episode) -> Float[Tensor, " task"]:
        """The query loss of every task after generating and adapting ``[task]``."""
        return self.outer_losses(
            self.meta(), episodes, [0.0] * self.inner_steps + [1.0], self.outer_gradient
        )

    def initial(self, meta: State, support: Batch, way: int | None) -> Weights:
        """The embedding of every task ``[task, embedding]``, and in classification its head ``[task, class, ...]``."""
        features = self._features(meta, {}, support)
        if not support.target.way:
            targets = self._targets(support)
            return {
                EMBEDDING: self._call(
                    "encoder",
                    meta,
                    features,
                    targets,
                    support.mask.to(features.dtype).unsqueeze(-1),
                )
            }
        classes = members(support, way or support.target.way, features.dtype)
        start = {EMBEDDING: self._call("encoder", meta, features, None, classes)}
        require(
            len(self._head) == 2,
            "Classification needs a model whose head has a bias. Found one without.",
        )
        return start | prototype_head(
            self._features(meta, start, support), self._head, support, way
        )

    def apply_model(
        self,
        weights: Weights,
        x: Tensor,
        mask: Tensor | None,
        statistics: Statistics | None,
        record: bool,
    ) -> tuple[Tensor, Statistics]:
        """The shared network, with its layers as the task's embedding has them."""
        own = {
            name: value
            for name, value in weights.items()
            if name != EMBEDDING and not name.startswith(GENERATOR)
        }
        if EMBEDDING not in weights:
            return forward(self.model, own, x, mask, statistics, record)
        embedding = weights[EMBEDDING]
        if self.side:
            columns = x.ndim == 2 and max(self.side) < x.shape[1]
            require(
                columns,
                "Parameter `side` should name columns of x [task, example, feature]. Found "
                f"{self.side}, x {list(x.shape)}.",
            )
            embedding = embedding + self._call("side_encoder", weights, x[:, list(self.side)])

        def change(index: int, layer: nn.Module, inputs: Tensor, output: Tensor) -> Tensor:
            return self._call(f"modulations.{index}", weights, layer, inputs, output, embedding)

        with modulating(
            self.model, {name: partial(change, index) for index, name in enumerate(self._layers)}
        ):
            return forward(self.model, own, x, mask, statistics, record)

    def _features(self, meta: State, start: Weights, support: Batch) -> Tensor:
        """What the body makes of the support examples ``[task, example, feature]``, changed by ``start`` where it holds embeddings."""
        body = {name: value for name, value in meta.items() if name not in self._head}
        with without_head(self.model, self._head):
            one_task = over_tasks(
                lambda x, mask, own: self.apply_model({**body, **own}, x, mask, None, False)[0]
            )
            return cast(Tensor, one_task(support.x, support.mask_or_none(), start))

    def _targets(self, support: Batch) -> Tensor:
        """The targets ``[task, example, target]``, as many as the network has outputs."""
        outputs = self.model.get_parameter(self._head[0]).shape[0]
        found = support.y.shape[2:]
        require(
            len(found) > 0 and found.numel() == outputs,
            f"Targets should be [task, example, target] with the {outputs} outputs of the "
            f"model. Found {tuple(support.y.shape)}.",
        )
        return support.y.flatten(2)

    def _call(self, part: str, meta: State, *arguments: object) -> Tensor:
        """What the submodule ``part`` gives, with its parameters from ``meta`` where they are there."""
        prefix = f"{GENERATOR}{part}."
        own = {
            name.removeprefix(prefix): value
            for name, value in meta.items()
            if name.startswith(prefix)
        }
        return cast(Tensor, functional_call(self.get_submodule(part), own, arguments))


__all__ = ["Generator"]
