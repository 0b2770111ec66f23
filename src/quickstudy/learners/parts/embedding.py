"""The part that is an embedding of the support set, which changes layers."""

from dataclasses import replace
from functools import partial
from typing import cast

from torch import Tensor, nn

from quickstudy.bilevel import State
from quickstudy.bilevel.optimisers import Weights
from quickstudy.bilevel.problem import under
from quickstudy.episode import Batch
from quickstudy.errors import require, require_at_least
from quickstudy.learners.embedding import members
from quickstudy.learners.head import head_parameters, own_head, prototype_head, without_head
from quickstudy.learners.mapping import over_tasks
from quickstudy.learners.modulation import (
    Change,
    ModulationName,
    layers_to_modulate,
    modulating,
    modulation,
)
from quickstudy.learners.parts.part import Examples, Part, Shared, Tasks
from quickstudy.learners.set_encoder import SetEncoder, two_layers
from quickstudy.learners.tensors import without
from quickstudy.models.functional import call
from quickstudy.models.norm import Statistics, forward
from quickstudy.targets import Numbers, Target

EMBEDDING = "embedding"


class Embedding(Part):
    """Compute an embedding from the support set, which changes layers of the network.

    The embedding ``z`` adapts. In classification a task owns a head too, which starts from the
    prototypes of the task's features. See :class:`~quickstudy.Generator` for the equations.

    Args:
        kind: ``"film"`` or ``"lowrank"``.
        size: Length of ``z``.
        encoder_size: Width of the encoder.
        rank: Terms of rank one of every layer (``"lowrank"``).
        layers: Names of the layers that change; by default see
            :func:`~quickstudy.learners.modulation.layers_to_modulate`.
        side: Columns of ``x`` that are side information.

    Raises:
        UserError: If a number is out of range, the model does not end in a linear layer, or a layer
            cannot be changed.
    """

    any_way = True

    def __init__(
        self,
        kind: ModulationName = "film",
        size: int = 32,
        encoder_size: int = 64,
        rank: int = 4,
        layers: tuple[str, ...] | None = None,
        side: tuple[int, ...] = (),
    ) -> None:
        super().__init__()
        require_at_least(1, embedding_size=size, encoder_size=encoder_size, rank=rank)
        _check_side(side)
        self.kind, self.size = kind, size
        self.encoder_size, self.rank = encoder_size, rank
        self.layers, self.side = layers, tuple(side)

    def attach(self, model: nn.Module) -> None:
        """Find the layers, and make the encoders and the modulation of each layer."""
        self.head = head_parameters(model)
        self._layers = self._chosen_layers(model)
        self._make_encoders(model)
        self._make_modulations(model)

    def _make_modulations(self, model: nn.Module) -> None:
        """Make the modulation of each layer."""
        self.modulations = nn.ModuleList(
            modulation(model, name, self.kind, self.size, self.rank) for name in self._layers
        )

    def _chosen_layers(self, model: nn.Module) -> tuple[str, ...]:
        """Return the names of the layers that change."""
        if self.layers is None:
            return layers_to_modulate(model, self.head[0], self.kind)
        return tuple(self.layers)

    def _make_encoders(self, model: nn.Module) -> None:
        """Make the encoder of support sets, and the one of side information if there is any."""
        outputs, features = model.get_parameter(self.head[0]).shape
        self.encoder = SetEncoder(features, outputs, self.size, self.encoder_size)
        self.side_encoder = self._encoder_of_side()

    def _encoder_of_side(self) -> nn.Module | None:
        """Make the network of side information, if there is any."""
        columns = len(self.side)
        return two_layers(columns, self.encoder_size, self.size) if columns else None

    def check(self, model: nn.Module, x: Tensor) -> None:
        """Raise, once, if the last linear layer is not the end of the network."""
        self.check_head_once(model, x)

    def serves(self, model: nn.Module, target: Target) -> str | None:
        """Serve classes, and as many numbers as the network has outputs.

        The encoder reads every target of an example. Of targets of several kinds, some labels may
        be missing, so they are refused.
        """
        outputs = self._outputs(model)
        numbers = isinstance(target, Numbers) and target.scores == outputs
        return None if target.way or numbers else f"It serves classes, or {outputs} numbers."

    def owned(self, model: nn.Module) -> Weights:
        """Return the embedding, and the head that a task has in classification."""
        embedding = self.encoder.of_features.weight.new_zeros(self.size)
        return {EMBEDDING: embedding, **own_head(model, self.head)}

    def start(self, shared: Shared, tasks: Tasks) -> Weights:
        """Return the embedding of every task ``[task, embedding]``.

        In classification its head ``[task, class, ...]`` too.
        """
        support = tasks.support
        features = self._features(shared, {}, support)
        if not support.target.way:
            return self._start_of_numbers(shared, features, support)
        return self._start_of_classes(shared, features, support, tasks.way or support.target.way)

    def _start_of_numbers(self, shared: Shared, features: Tensor, support: Batch) -> Weights:
        """Return the embedding of a set of examples and their targets."""
        real = support.mask.to(features.dtype).unsqueeze(-1)
        targets = self._targets(shared.model, support)
        return {EMBEDDING: self._call("encoder", shared, features, targets, real)}

    def _start_of_classes(
        self, shared: Shared, features: Tensor, support: Batch, way: int
    ) -> Weights:
        """Return the embedding of a set of ``way`` classes, and a head of their prototypes."""
        self._check_bias()
        classes = members(support, way, features.dtype)
        start = {EMBEDDING: self._call("encoder", shared, features, None, classes)}
        changed = self._features(shared, start, support)
        return start | prototype_head(changed, self.head, support, way)

    def _check_bias(self) -> None:
        """Raise if the head has no bias, which the prototypes of classes need."""
        require(
            len(self.head) == 2,
            "Classification needs a model whose head has a bias. Found one without.",
        )

    def whole(self, shared: Shared, own: Weights, examples: Examples) -> tuple[Tensor, Statistics]:
        """Run the shared network, with its layers changed by the task's embedding."""
        weights = {**shared.weights, **own}
        embedding = self._with_side(shared, weights.pop(EMBEDDING), examples.x)
        with modulating(shared.model, self._changes(shared, embedding)):
            return forward(shared.model, weights, *examples)

    def _with_side(self, shared: Shared, embedding: Tensor, x: Tensor) -> Tensor:
        """Add the embedding of the side information in ``x``, if there is any."""
        if not self.side:
            return embedding
        return embedding + self._call("side_encoder", shared, self._columns(x))

    def _changes(self, shared: Shared, embedding: Tensor) -> dict[str, Change]:
        """Return the change of every layer by ``embedding``, by the layer's name."""

        def change(index: int, layer: nn.Module, inputs: Tensor, output: Tensor) -> Tensor:
            return self._call(f"modulations.{index}", shared, layer, inputs, output, embedding)

        return {name: partial(change, index) for index, name in enumerate(self._layers)}

    def _features(self, shared: Shared, own: Weights, support: Batch) -> Tensor:
        """Return the features of the support examples ``[task, example, feature]``.

        The body is changed by the embeddings of ``own``, if it holds them.
        """
        below = self._below_head(shared)
        run = self.whole if own else super().whole

        def one_task(x: Tensor, mask: Tensor | None, own: Weights) -> Tensor:
            return run(below, own, Examples(x, mask))[0]

        with without_head(shared.model, self.head):
            return cast(Tensor, over_tasks(one_task)(support.x, support.mask_or_none(), own))

    def _below_head(self, shared: Shared) -> Shared:
        """Return the shared network without the weights of its head."""
        return replace(shared, weights=without(shared.weights, self.head))

    def _outputs(self, model: nn.Module) -> int:
        """Return the number of outputs of the network."""
        return model.get_parameter(self.head[0]).shape[0]

    def _targets(self, model: nn.Module, support: Batch) -> Tensor:
        """Return the targets ``[task, example, target]``, as many as the network has outputs."""
        _check_targets(support.y, self._outputs(model))
        return support.y.flatten(2)

    def _columns(self, x: Tensor) -> Tensor:
        """Return the side information of examples ``x`` ``[example, feature]``."""
        require(
            x.ndim == 2 and max(self.side) < x.shape[1],
            "Parameter `side` should name columns of x [task, example, feature]. Found "
            f"{self.side}, x {list(x.shape)}.",
        )
        return x[:, list(self.side)]

    def _call(self, path: str, shared: Shared, *arguments: object) -> Tensor:
        """Call the submodule at ``path`` with its meta-learned parameters."""
        own: State = under(f"{path}.", shared.part)
        return cast(Tensor, call(self.get_submodule(path), own, *arguments))

    def uncompiled(self) -> str | None:
        """Refuse: layers are changed by hooks."""
        return "A network whose layers are modulated is not compiled."


def _check_side(side: tuple[int, ...]) -> None:
    """Raise if a column of side information is negative."""
    require(
        min(side, default=0) >= 0,
        f"Parameter `side` should hold columns from 0 on. Found side={tuple(side)}.",
    )


def _check_targets(y: Tensor, outputs: int) -> None:
    """Raise if ``y`` does not hold a number for each of the ``outputs``."""
    found = y.shape[2:]
    require(
        len(found) > 0 and found.numel() == outputs,
        f"Targets should be [task, example, target] with the {outputs} outputs of the "
        f"model. Found {tuple(y.shape)}.",
    )


__all__ = ["Embedding"]
