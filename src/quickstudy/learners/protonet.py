"""Prototypical networks: a class is the mean of its embedded support examples."""

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from quickstudy.episode import Batch, Episode
from quickstudy.learners.learner import Adapted, Learner
from quickstudy.learners.loss import example_losses, mean_over_examples, num_classes


class ProtoNet(Learner):
    """Classify by the nearest prototype in a learned embedding.

    ``c_k`` is the mean of ``f(x)`` over the support examples of class ``k``; the score of class ``k``
    for a query is ``−‖f(x) − c_k‖²``, the *squared* Euclidean distance, and the loss the cross-entropy
    of these scores. All tasks of a step are embedded in one forward pass. Any way and shot at test;
    a class without support examples has score −∞.

    Batch norms are torch's own: batch statistics in training, running averages at test, so that no
    prediction depends on other queries.

    Args:
        model: Any module that gives embeddings ``[example, feature]``, e.g. ``Conv4(way=None)``.
        bf16: Embed under bfloat16 autocast (on hardware that has it).

    Source: Snell, Swersky & Zemel 2017, eq. 1 and 2, algorithm 1.

    Example:
        >>> import quickstudy as qs, torch
        >>> learner = qs.ProtoNet(torch.nn.Identity())
        >>> support = qs.Batch.of(torch.tensor([[0.0], [1.0]]), torch.tensor([0, 1]))
        >>> learner.predict(learner.adapt(support), torch.tensor([[[0.75]]])).argmax(-1)
        tensor([[1]])
    """

    def __init__(self, model: nn.Module, bf16: bool = False) -> None:
        super().__init__()
        self.model, self.bf16 = model, bf16

    @property
    def test_steps(self) -> int:
        """0: there is no inner loop."""
        return 0

    def losses(self, episodes: Episode) -> Float[Tensor, " task"]:
        """The query loss of every task ``[task]``."""
        support, query = episodes.support, episodes.query
        x = torch.cat([support.x, query.x], 1)
        embedded = self._embed(x, torch.cat([support.mask, query.mask], 1))
        of_support, of_query = embedded.split([support.x.shape[1], query.x.shape[1]], 1)
        adapted = _prototypes(of_support, support, max(num_classes(support), num_classes(query)))
        scores = _scores(of_query, adapted)
        per_example = example_losses(scores, query.y).masked_fill(query.mask == 0, 0)
        return mean_over_examples(per_example, query.mask)

    def trajectory(self, support: Batch, steps: Sequence[int]) -> Iterator[Adapted]:
        """The prototypes ``[task, class, feature]`` and which classes are ``present`` ``[task, class]``."""
        adapted = _prototypes(self._embed(support.x, support.mask), support, num_classes(support))
        for _ in steps:
            yield adapted

    def scores(self, adapted: Adapted, x: Tensor) -> Tensor:
        """Minus the squared distances to the prototypes ``[task, example, class]``."""
        return _scores(self._embed(x, None), adapted)

    def _embed(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Embeddings ``[task, example, feature]`` of all tasks in one forward pass; padding is left out of it."""
        real = None if mask is None or bool(mask.all()) else mask.flatten().nonzero().squeeze(1)
        flat = x.flatten(0, 1)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.bf16):
            embedded: Tensor = self.model(flat if real is None else flat[real])
        embedded = embedded.float() if self.bf16 else embedded
        if real is not None:
            embedded = embedded.new_zeros(len(flat), *embedded.shape[1:]).index_copy(0, real, embedded)
        return embedded.unflatten(0, x.shape[:2])


def _prototypes(embedded: Tensor, support: Batch, way: int) -> Adapted:
    members = F.one_hot(support.y, way).to(embedded.dtype) * support.mask.to(embedded.dtype).unsqueeze(-1)
    count = members.sum(1)
    sums = torch.einsum("tew,tef->twf", members, embedded)
    return {"prototypes": sums / count.clamp(min=1).unsqueeze(-1), "present": count > 0}


def _scores(embedded: Tensor, adapted: Adapted) -> Tensor:
    centre = adapted["prototypes"].mean(1, keepdim=True)  # distances do not change, rounding errors shrink
    embedded, prototypes = embedded - centre, adapted["prototypes"] - centre
    cross = embedded @ prototypes.transpose(1, 2)
    squares = embedded.square().sum(-1, keepdim=True) + prototypes.square().sum(-1).unsqueeze(1)
    return (2 * cross - squares).masked_fill(~adapted["present"].unsqueeze(1), -torch.inf)
