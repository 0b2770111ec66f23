"""Relation networks: a learned comparison of a query with a class."""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quickstudy.episode import Batch
from quickstudy.errors import require, require_at_least
from quickstudy.learners.embedding import EmbeddingLearner, members, of_present
from quickstudy.learners.learner import Adapted
from quickstudy.models.protocol import traits


class RelationNet(EmbeddingLearner):
    """Score every pair of query and class in (0, 1) by a learned module.

    ``r_k = g(concat(mean_i f(x_i), f(x)))``, with the mean over the support examples of class
    ``k``. The loss of a query is the mean over the classes of ``(r_k − 1[y = k])²``.
    :meth:`predict` gives the logits of ``r``.

    The relation module has torch's batch norms, as the embedding has.

    Args:
        model: A network that gives feature maps ``[example, channel, height, width]``, e.g.
            ``Conv4(maps=True)``.
        feature_channels: Channels of the feature maps; by default the model's ``feature_channels``.
        relation_hidden: Width of the relation module's hidden layer.
        bf16: Embed under bfloat16 autocast.

    Raises:
        UserError: If the number of channels is not known.

    Source: Sung et al. 2018, eq. 1–3 and figure 2. Differs from the paper: the feature maps of a
        class are averaged, not summed, so a module trained with one shot serves any shot (5-way
        5-shot on Omniglot is 38.9 % with the sum). They are averaged over space before the
        relation module's linear layers, so any image size is served.
    """

    model_gives = "maps"

    def __init__(
        self,
        model: nn.Module,
        feature_channels: int | None = None,
        relation_hidden: int = 8,
        bf16: bool = False,
    ) -> None:
        super().__init__(model, bf16)
        require_at_least(1, relation_hidden=relation_hidden)
        channels = traits(model).feature_channels if feature_channels is None else feature_channels
        self.feature_channels, self.relation_hidden = _known(channels), relation_hidden
        self.relation = _relation_module(self.feature_channels, relation_hidden)

    def summarise(self, embedded: Tensor, support: Batch, way: int) -> Adapted:
        """Return the mean feature maps of classes, and which classes are present.

        Returns:
            ``means`` ``[task, class, channel, height, width]`` and ``present`` ``[task, class]``.
        """
        membership = members(support, way, embedded.dtype)
        count = membership.sum(1)
        share = membership / count.clamp(min=1).unsqueeze(1)
        return {"means": torch.einsum("tew,te...->tw...", share, embedded), "present": count > 0}

    def compare(self, embedded: Tensor, adapted: Adapted) -> Tensor:
        """Return the logit of every query's relation to every class ``[task, example, class]``.

        Batch norms use their running averages at test, so pairs that do not count can be computed
        with the others.
        """
        classes, queries = self._halves(adapted["means"], embedded)
        pairs = classes.unsqueeze(1) + queries.unsqueeze(2)
        logits: Tensor = self.relation[1:](pairs.flatten(0, 2)).reshape(pairs.shape[:3])
        return of_present(logits, adapted)

    def query_losses(self, embedded: Tensor, query: Batch, adapted: Adapted) -> Tensor:
        """Return the mean squared error of every query's relation scores ``[task, example]``."""
        relations = self._logits(embedded, adapted, query.mask > 0).sigmoid()
        present = adapted["present"].unsqueeze(1)
        return _mean_of_present(_squared_errors(relations, query.y), present)

    def _logits(self, embedded: Tensor, adapted: Adapted, real: Tensor) -> Tensor:
        """Return the logits of pairs of a real query and a present class.

        Other pairs have −∞.
        """
        pairs = real.unsqueeze(2) & adapted["present"].unsqueeze(1)
        task, query, label = pairs.nonzero(as_tuple=True)
        classes, queries = self._halves(adapted["means"], embedded)
        both = _rows(classes, task, label) + _rows(queries, task, query)
        logits = self.relation[1:](both).squeeze(1)
        return logits.new_full(pairs.shape, -torch.inf).index_put((task, query, label), logits)

    def _halves(self, means: Tensor, embedded: Tensor) -> tuple[Tensor, Tensor]:
        """Return the parts of classes and of queries in the module's first convolution.

        A convolution is linear, so it is the sum of one over each half of its input channels. Each
        is computed once an image, not once a pair.

        Args:
            means: Of classes ``[task, class, ...]``.
            embedded: Of queries ``[task, example, ...]``.
        """
        first = cast(nn.Conv2d, self.relation[0])
        of_classes, of_queries = first.weight.split(self.feature_channels, 1)
        classes = _convolved(means, of_classes, None, first)
        return classes, _convolved(embedded, of_queries, first.bias, first)


def _known(channels: int | None) -> int:
    """Return the channels of the feature maps.

    Raises:
        UserError: If the number is not known.
    """
    require(
        channels is not None,
        "Parameter `feature_channels` is needed: this model does not say its own.",
    )
    return int(channels or 0)


def _mean_of_present(values: Tensor, present: Tensor) -> Tensor:
    """Return the mean over the classes that are ``present`` ``[task, 1, class]``."""
    return (values * present).sum(2) / present.sum(2).clamp(min=1)


def _squared_errors(relations: Tensor, y: Tensor) -> Tensor:
    """Return the squared distance of relations from 1 for the class ``y``, from 0 for others."""
    return (relations - F.one_hot(y, relations.shape[2]).to(relations.dtype)).square()


def _convolved(x: Tensor, weight: Tensor, bias: Tensor | None, like: nn.Conv2d) -> Tensor:
    """Convolve ``x`` ``[task, example, ...]`` with the stride and padding of ``like``."""
    output = F.conv2d(x.flatten(0, 1), weight, bias, like.stride, like.padding)
    return output.unflatten(0, x.shape[:2])


def _rows(values: Tensor, task: Tensor, index: Tensor) -> Tensor:
    """Return ``values[task, index]`` of feature maps, channels last in memory.

    An embedding lookup is the fastest way, also in the backward pass.
    """
    flat = values.flatten(0, 1).movedim(1, -1)
    rows = F.embedding(task * values.shape[1] + index, flat.flatten(1))
    return rows.unflatten(1, flat.shape[1:]).movedim(-1, 1)


def _relation_module(width: int, hidden: int) -> nn.Sequential:
    """Make the relation module on pairs of feature maps of ``width`` channels each."""
    blocks = [*_block(2 * width, width), *_block(width, width)]
    pooling = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    scoring = [nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, 1)]
    return nn.Sequential(*blocks, *pooling, *scoring)


def _block(before: int, after: int) -> list[nn.Module]:
    convolution = nn.Conv2d(before, after, 3, padding=1)
    return [convolution, nn.BatchNorm2d(after), nn.MaxPool2d(2, ceil_mode=True), nn.ReLU()]
