"""What one example costs: decided by the dtype of its target."""

import torch
import torch.nn.functional as F
from torch import Tensor

from quickstudy.episode import Batch, Kind
from quickstudy.errors import require


def example_losses(scores: Tensor, y: Tensor) -> Tensor:
    """The loss of every example ``[...]``.

    Integer ``y`` ``[...]`` are class indices: the cross-entropy ``−log softmax(scores)[y]`` of
    ``scores`` ``[..., class]``. Floating-point ``y`` ``[..., *target]`` are targets: the squared
    error ``(scores − y)²``, averaged over the targets.

    Raises:
        UserError: If predictions and targets differ in shape, or a class index is not one of the
            scores' classes.
    """
    if not y.dtype.is_floating_point:
        _check_classes(scores, y)
        y = y.long()
        return F.cross_entropy(scores.flatten(0, -2), y.flatten(), reduction="none").reshape(
            y.shape
        )
    require(
        scores.shape == y.shape,
        f"Predictions should have the shape of the targets. Found {tuple(scores.shape)} and "
        f"{tuple(y.shape)}: "
        "check the outputs of the model, and give targets as [example, target].",
    )
    return (scores - y).square().flatten(1).mean(1) if y.ndim > 1 else (scores - y).square()


def _check_classes(scores: Tensor, y: Tensor) -> None:
    """Refuse class indices without a score; on an accelerator the look would cost a wait, and torch's own error stands."""
    if torch.compiler.is_compiling() or y.device.type != "cpu" or not y.numel():
        return
    low, high = int(y.min()), int(y.max())
    require(
        low >= 0 and high < scores.shape[-1],
        f"Class indices should be from 0 to {scores.shape[-1] - 1}, the outputs of the "
        f"network. Found {low} to {high}.",
    )


def mean_over_examples(values: Tensor, mask: Tensor | None) -> Tensor:
    """Mean of ``values`` ``[..., example]`` over the examples whose ``mask`` is 1; 0 where there are none."""
    if mask is None:
        return values.mean(-1)
    weight = mask.to(values.dtype)
    return (values * weight).sum(-1) / weight.sum(-1).clamp(min=1)


def mixed_losses(scores: Tensor, y: Tensor, targets: tuple[int, ...]) -> Tensor:
    """The loss of every label ``[..., target]``, 0 where there is none, of targets of several
    kinds.

    ``targets`` says each target's classes, 0 for a number. A number takes one of the ``scores``
    ``[..., score]`` and costs ``(score − y)²``; ``n`` classes take the next ``n`` and cost ``−log
    softmax(scores)[y]``. ``y`` ``[..., target]`` holds class indices as floating-point numbers, and
    NaN where a label is missing.

    Raises:
        UserError: If scores or targets are not as many as ``targets`` says, or a class index is not
            one of a target's classes.
    """
    kind = Kind.mixed(targets)
    require(
        y.dtype.is_floating_point
        and y.shape == (*scores.shape[:-1], len(targets))
        and scores.shape[-1] == kind.outputs,
        f"Targets {targets} should have {kind.outputs} scores and {len(targets)} "
        "floating-point targets for every example. "
        f"Found scores {tuple(scores.shape)} and targets {tuple(y.shape)}.",
    )
    missing = y.isnan()
    known = y.masked_fill(missing, 0)
    columns = [
        example_losses(own, label.long()) if classes else (own.squeeze(-1) - label).square()
        for own, label, classes in zip(kind.split(scores), known.unbind(-1), targets, strict=True)
    ]
    return torch.stack(columns, -1).masked_fill(missing, 0)


def mixed_task_losses(
    scores: Tensor, y: Tensor, mask: Tensor | None, targets: tuple[int, ...]
) -> Tensor:
    """The mean over a task's targets of the mean over their labels ``[task]``; what has no label counts nothing."""
    real = y.isfinite() if mask is None else y.isfinite() & (mask > 0).unsqueeze(-1)
    losses = mixed_losses(scores, y, targets) * real
    counts = real.sum(1)
    by_target = losses.sum(1) / counts.clamp(min=1)
    return by_target.sum(1) / (counts > 0).sum(1).clamp(min=1)


def task_losses(
    scores: Tensor, y: Tensor, mask: Tensor | None, targets: tuple[int, ...] = ()
) -> Tensor:
    """The mean loss of every task's real examples ``[task]``, from ``scores`` ``[task, example,
    output]``.

    With ``targets`` of several kinds, :func:`mixed_task_losses`.
    """
    if targets:
        return mixed_task_losses(scores, y, mask, targets)
    if mask is None and y.dtype.is_floating_point and scores.shape == y.shape:
        return (scores - y).square().flatten(1).mean(1)
    per_example = example_losses(scores.flatten(0, 1), y.flatten(0, 1)).unflatten(0, y.shape[:2])
    return mean_over_examples(per_example, mask)


def mask_or_none(batch: Batch) -> Tensor | None:
    """The mask of ``batch``, or None where every example is real, which saves the work of masking."""
    if torch.compiler.is_compiling():
        return batch.mask
    return None if batch.mask.numel() and bool(batch.mask.all()) else batch.mask


def num_classes(batch: Batch) -> int:
    """The way of ``batch``: its largest class index plus one.

    Raises:
        UserError: If the targets are not class indices.
    """
    require(
        not batch.y.dtype.is_floating_point,
        "This learner classifies: `y` should hold class indices (an integer dtype). Found "
        f"{batch.y.dtype}.",
    )
    return int(batch.y.max()) + 1
