"""Relation networks: a learned comparison of a query with a class."""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quickstudy.episode import Batch
from quickstudy.errors import require
from quickstudy.learners.embedding import EmbeddingLearner, members
from quickstudy.learners.learner import Adapted
from quickstudy.models.protocol import traits


class RelationNet(EmbeddingLearner):
    """A learned module gives every pair of query and class a relation score in (0, 1).

    ``r_k = g(concat(mean_i f(x_i), f(x)))`` with the mean over the support examples of class ``k``;
    the loss of a query is the mean over the classes of ``(r_k − 1[y = k])²``. :meth:`predict` gives
    the logits of ``r``.

    Batch norms of the relation module are torch's own, as those of the embedding.

    Args:
        model: A network that gives feature maps ``[example, channel, height, width]``, e.g.
            ``Conv4(maps=True)``.
        feature_channels: Channels of the feature maps; by default the model's ``feature_channels``.
        relation_hidden: Width of the relation module's hidden layer.
        bf16: Embed under bfloat16 autocast.

    Raises:
        UserError: If the number of channels is not known.

    Source: Sung et al. 2018, eq. 1–3 and figure 2. Differs from the paper: the feature maps of a
        class are averaged, not
    summed, so that a module trained with one shot serves any (5-way 5-shot on Omniglot 38.9 % with
    the sum); they are averaged over space before the relation module's linear layers, so that any
    image size is served."""

    model_gives = "maps"

    def __init__(
        self,
        model: nn.Module,
        feature_channels: int | None = None,
        relation_hidden: int = 8,
        bf16: bool = False,
    ) -> None:
        super().__init__(model, bf16)
        channels = traits(model).feature_channels if feature_channels is None else feature_channels
        require(
            channels is not None,
            "Parameter `feature_channels` is needed: this model does not say its own.",
        )
        require(
            relation_hidden >= 1,
            "Parameter `relation_hidden` should be at least 1. Found "
            f"relation_hidden={relation_hidden}.",
        )
        self.feature_channels, self.relation_hidden = channels, relation_hidden
        width = int(channels or 0)
        self.relation = nn.Sequential(
            *_block(2 * width, width), *_block(width, width), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear(width, relation_hidden), nn.ReLU(), nn.Linear(relation_hidden, 1),
        )  # fmt: skip

    def summarise(self, embedded: Tensor, support: Batch, way: int) -> Adapted:
        """The mean feature maps ``[task, class, channel, height, width]`` and which classes are ``present``."""
        membership = members(support, way, embedded.dtype)
        count = membership.sum(1)
        share = membership / count.clamp(min=1).unsqueeze(1)
        return {"means": torch.einsum("tew,te...->tw...", share, embedded), "present": count > 0}

    def compare(self, embedded: Tensor, adapted: Adapted) -> Tensor:
        """The logit of every query's relation to every class ``[task, example, class]``.

        At test batch norms keep to their running averages, so that pairs which do not count can be
        computed with the others."""
        classes, queries = self._halves(adapted["means"], embedded)
        pairs = classes.unsqueeze(1) + queries.unsqueeze(2)
        logits: Tensor = self.relation[1:](pairs.flatten(0, 2)).reshape(pairs.shape[:3])
        return logits.masked_fill(~adapted["present"].unsqueeze(1), -torch.inf)

    def query_losses(self, embedded: Tensor, query: Batch, adapted: Adapted) -> Tensor:
        """The mean squared error of every query's relation scores ``[task, example]``."""
        relations, present = (
            self._logits(embedded, adapted, query.mask > 0).sigmoid(),
            adapted["present"].unsqueeze(1),
        )
        errors = (relations - F.one_hot(query.y, relations.shape[2]).to(relations.dtype)).square()
        return (errors * present).sum(2) / present.sum(2).clamp(min=1)

    def _logits(self, embedded: Tensor, adapted: Adapted, real: Tensor) -> Tensor:
        """The logits of the pairs of a real query and a class that is present, −∞ for the others."""
        pairs = real.unsqueeze(2) & adapted["present"].unsqueeze(1)
        task, query, label = pairs.nonzero(as_tuple=True)
        classes, queries = self._halves(adapted["means"], embedded)
        both = _rows(classes, task, label) + _rows(queries, task, query)
        logits = self.relation[1:](both).squeeze(1)
        return logits.new_full(pairs.shape, -torch.inf).index_put((task, query, label), logits)

    def _halves(self, means: Tensor, embedded: Tensor) -> tuple[Tensor, Tensor]:
        """What classes ``[task, class, ...]`` and queries ``[task, example, ...]`` give to the
        relation module's first convolution.

        Being linear, it is the sum of one over each half of its input channels: once an image, not
        once a pair."""
        first = cast(nn.Conv2d, self.relation[0])
        weights, biases = first.weight.split(self.feature_channels, 1), (None, first.bias)
        classes, queries = (
            F.conv2d(x.flatten(0, 1), weight, bias, first.stride, first.padding).unflatten(
                0, x.shape[:2]
            )
            for x, weight, bias in zip((means, embedded), weights, biases, strict=True)
        )
        return classes, queries


def _rows(values: Tensor, task: Tensor, index: Tensor) -> Tensor:
    """``values[task, index]`` of feature maps, channels last in memory, by the fastest way back and forth."""
    flat = values.flatten(0, 1).movedim(1, -1)
    return (
        F.embedding(task * values.shape[1] + index, flat.flatten(1))
        .unflatten(1, flat.shape[1:])
        .movedim(-1, 1)
    )


def _block(before: int, after: int) -> list[nn.Module]:
    return [
        nn.Conv2d(before, after, 3, padding=1),
        nn.BatchNorm2d(after),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.ReLU(),
    ]
