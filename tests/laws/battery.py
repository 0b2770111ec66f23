"""The table of the battery: small configurations of every learner, the tasks they are tried on, and
what the laws share."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

import quickstudy as qs
from quickstudy import Batch, Episode, Learner
from quickstudy.models.initialise import initialise
from quickstudy.models.norm import forward

NUM_TASKS = 3


@dataclass(frozen=True)
class Case:
    """One configuration: ``make()`` a learner and try it on ``tasks``.

    ``gradient`` says what the gradient of a loss is: that of the loss ("exact"), of the query loss
    at the adapted weights ("first_order"), the way back from the adapted weights ("displacement"),
    or that of the loss with the inner gradients or those of a penalty held constant ("constant":
    its own test proves it), or none of them to the last digit ("approximate"). ``in_turn``: the
    inner loop walks through the support set, so the order of examples matters. ``pooled``:
    pre-training is one supervised batch, normalised as a whole, so tasks meet in it."""

    name: str
    tasks: str
    make: Callable[[], Learner]
    gradient: str = "exact"
    in_turn: bool = False
    pooled: bool = False

    def __str__(self) -> str:
        return self.name

    def learner(self, dtype: torch.dtype = torch.float64) -> Any:
        return self.make().to(dtype)

    def episodes(self, dtype: torch.dtype = torch.float64, num_tasks: int = NUM_TASKS) -> Episode:
        return cast(SOURCES[self.tasks]().sample(num_tasks, qs.Moment(0, "laws")), dtype)


def line() -> nn.Module:
    return qs.models.MLP(1, 1, hidden=(6, 6))


def vectors(outputs: int | None = 3) -> nn.Module:
    return qs.models.MLP(5, outputs, hidden=(8,))


def normed(outputs: int | None = 3) -> nn.Module:
    """The user's own network with batch norm, whose running averages have seen something."""
    head = [] if outputs is None else [nn.Linear(7, outputs)]
    model = nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7), nn.Tanh(), *head)
    generator = qs.generator(0, "model")
    initialise(model, generator)
    model[1].running_mean.copy_(0.1 * torch.randn(7, generator=generator))
    model[1].running_var.copy_(0.5 + torch.rand(7, generator=generator))
    return model


def images(way: int | None = 3) -> nn.Module:
    return qs.models.Conv4(way, channels=3, image_size=16)


def strided() -> nn.Module:
    return qs.models.Conv4(3, channels=3, image_size=16, downsample="stride")


def experts(trunk: nn.Module) -> nn.Module:
    return qs.models.MixtureOfExperts(trunk, 3, num_experts=2, embedding_size=7, gate_inputs=5)


def layered() -> nn.Module:
    return qs.models.LayeredExperts(qs.models.MLP(1, None, hidden=(5,)))


def stitched() -> nn.Module:
    return qs.models.CrossStitch(images(None), 3)


def _pool(shape: tuple[int, ...]) -> qs.tasks.Arrays:
    generator = qs.generator(0, "pool")
    y = torch.arange(8).repeat_interleave(6)
    x = (
        torch.randn(48, *shape, generator=generator)
        + torch.randn(8, *shape, generator=generator)[y]
    )
    return qs.tasks.Arrays(x, y)


def _mixed(num_tasks: int, num_examples: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A number and two classes, some labels of each missing."""
    x = torch.randn(num_tasks, num_examples, 5, generator=generator)
    y = torch.stack([x.sum(-1), (x[..., 0] > 0).to(x.dtype)], -1)
    return x, y.masked_fill(torch.rand(y.shape, generator=generator) < 0.2, torch.nan)


def several() -> nn.Module:
    return qs.models.MultiTarget(vectors(None), (0, 2))


class Marked(qs.tasks.TaskSource):
    """Pictures of noise, and which of their pixels are above a threshold of the task's own."""

    target = qs.targets.Pixels(2)

    def sample(self, num_tasks: int, moment: qs.Moment) -> Episode:
        draw = moment.generator()
        x = torch.randn(num_tasks, 6, 1, 6, 7, generator=draw)
        y = (x > torch.randn(num_tasks, 1, 1, 1, 1, generator=draw)).long().squeeze(2)
        y[:, :, 0, 0] = self.target.ignored
        whole = Batch(x, y, torch.ones(num_tasks, 6), self.target)
        support, query = (whole.each(lambda v, s=s: v[:, s]) for s in (slice(3), slice(3, 6)))
        return Episode(support, query, torch.arange(num_tasks), moment)

    def describe(self) -> dict[str, object]:
        return {"source": "marked"}


def dense() -> nn.Module:
    """The user's own network with scores for every pixel."""
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 2, 1))
    initialise(model, qs.generator(0, "model"))
    return model


def unet() -> nn.Module:
    return qs.models.UNet(way=2, channels=2, depth=1, in_channels=1)


SOURCES: dict[str, Callable[[], qs.tasks.TaskSource]] = {
    "sinusoids": lambda: qs.tasks.Sinusoid().episodes(shot=5, query=4),
    "vectors": lambda: _pool((5,)).episodes(way=3, shot=2, query=2),
    "mixed": lambda: qs.tasks.Family(_mixed, shot=6, query=4, asked=qs.targets.Several((0, 2))),
    "pixels": Marked,
    "images": lambda: _pool((1, 16, 16)).episodes(way=3, shot=2, query=1),
}


def _finetune(model: nn.Module, size: int | None = None, **options: Any) -> Learner:
    """With a pre-training head that is not zero, so that gradients reach the body."""
    learner = qs.Finetune(
        model, pretraining_classes=3, embedding_size=size, test_steps=3, **options
    )
    initialise(learner.gradient.head, qs.generator(1, "model"))
    return learner


def _cavia(model: nn.Module, **options: Any) -> Learner:
    """With a modulation whose weights do not depend on the global generator."""
    learner = qs.CAVIA(model, 0.3, context_size=3, **options)
    initialise(learner.part.modulation, qs.generator(1, "model"))
    return learner


def _linear_prior(model: nn.Module) -> Learner:
    """With a prior that is neither around 0 nor alike in all directions."""
    learner = qs.LinearPrior(model, prior_scale=0.7, noise_scale=0.5)
    generator = qs.generator(1, "model")
    with torch.no_grad():
        for parameter in (learner.mean, learner.factor):
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
    return learner


def _logistic_prior(model: nn.Module, size: int) -> Learner:
    """With priors that are neither around 0 nor alike in all directions and classes."""
    learner = qs.LogisticPrior(model, 3, size, prior_scale=0.7, posterior_steps=4)
    generator = qs.generator(1, "model")
    with torch.no_grad():
        for parameter in (learner.mean, learner.factor):
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
    return learner


def _mixed_prior(model: nn.Module) -> Learner:
    """With priors that are neither around 0 nor alike in all directions and classes."""
    learner = qs.MixedPrior(model, (0, 2), 8, prior_scale=0.7, noise_scale=0.5, posterior_steps=4)
    generator = qs.generator(1, "model")
    with torch.no_grad():
        for prior in learner.priors:
            for parameter in (prior.mean, prior.factor):
                parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
    return learner


def _sharing(kind: Any, model: nn.Module, **options: Any) -> Learner:
    """With own parts that differ."""
    learner = kind(model, NUM_TASKS, test_steps=3, **options)
    generator = qs.generator(1, "model")
    with torch.no_grad():
        for offset in learner.part.offsets:
            offset += 0.3 * torch.randn(offset.shape, generator=generator)
    return learner


def _generator(model: nn.Module, *arguments: Any, **options: Any) -> Learner:
    """With an encoder that does not depend on the global generator, and embeddings that change
    their layers."""
    learner = qs.Generator(model, *arguments, embedding_size=3, encoder_size=6, rank=2, **options)
    generator = qs.generator(1, "model")
    with torch.no_grad():
        for name, parameter in learner.named_parameters():
            if not name.startswith("model."):
                parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
    return learner


def _relation() -> Learner:
    """With a relation module whose weights do not depend on the global generator."""
    learner = qs.RelationNet(qs.models.Conv4(None, channels=3, image_size=16, maps=True))
    initialise(learner.relation, qs.generator(1, "model"))
    return learner


PLUS_PLUS: dict[str, Any] = {"multi_step_loss": True, "learned_rates": True, "per_step_norm": True}


def plus_plus() -> Learner:
    """MAML with what MAML++ adds, each step with rates and norms of its own."""
    learner = qs.MAML(normed(), 0.3, 2, 3, **PLUS_PLUS)
    generator = qs.generator(2, "model")
    with torch.no_grad():
        for values in (*learner.step.rates, *learner.step.norms):
            values += 0.1 * torch.randn(values.shape, generator=generator)
    return learner


def _metalstm(model: nn.Module, inner_steps: int = 2, **options: Any) -> Learner:
    """With an update rule whose gates look at everything, and so differ from weight to weight."""
    learner = qs.MetaLSTM(model, 0.1, inner_steps, hidden_size=3, **options)
    generator = qs.generator(1, "model")
    with torch.no_grad():
        for parameter in learner.step.update.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
    return learner


def _matching(model: nn.Module, size: int | None = None) -> Learner:
    learner = qs.MatchingNet(model, full_context=True, reading_steps=2, embedding_size=size)
    assert learner.context is not None
    draw = qs.generator(0, "context")
    for parameter in learner.context.parameters():
        nn.init.uniform_(parameter, -0.5, 0.5, generator=draw)
    return learner


def _mann(model: nn.Module, size: int | None = None, slots: int = 9, heads: int = 2) -> Learner:
    return qs.MANN(model, 3, size, controller_size=6, slots=slots, width=4, heads=heads)


AT_THE_OPTIMUM: dict[str, Any] = {
    "outer_gradient": "implicit",
    "proximal": 1.0,
    "backward_steps": 60,
}


TABLE: dict[str, list[Case]] = {
    "maml": [
        Case("stepwise-unet", "pixels", lambda: qs.MAML(unet(), 0.1, 2, outer_gradient="stepwise")),
        Case("unrolled-dense", "pixels", lambda: qs.MAML(dense(), 0.1, 2)),
        Case("unrolled-sgd", "sinusoids", lambda: qs.MAML(line(), 0.05, inner_steps=2)),
        Case("unrolled-adam-multi", "vectors", lambda: qs.MAML(vectors(), 0.01, 3, inner_optimiser="adam", multi_step_loss=True)),
        Case("stepwise-momentum", "sinusoids", lambda: qs.MAML(line(), 0.05, 3, inner_optimiser="momentum", outer_gradient="stepwise")),
        Case("stepwise-adam-norm-support", "vectors", lambda: qs.MAML(normed(), 0.01, 2, 3, "adam", "stepwise", multi_step_loss=True)),
        Case("unrolled-norm-transductive", "vectors", lambda: qs.MAML(normed(), 0.4, 2, statistics="transductive")),
        Case("unrolled-norm-frozen", "vectors", lambda: qs.MAML(normed(), 0.4, 2, statistics="frozen")),
        Case("first-order", "vectors", lambda: qs.MAML(normed(), 0.4, 2, outer_gradient="first_order"), gradient="first_order"),
        Case("truncated-all-proximal", "sinusoids", lambda: qs.MAML(line(), 0.05, 3, outer_gradient="truncated", proximal=0.5)),
        Case("neumann", "vectors", lambda: qs.MAML(normed(), 0.02, 60, 3, outer_gradient="neumann", proximal=30.0, backward_steps=60)),
        Case("unrolled-conv-support", "images", lambda: qs.MAML(images(), 0.1, 2)),
        Case("unrolled-conv-shared-head", "images", lambda: qs.MAML(strided(), 0.05, 2, shared_head=True)),
        Case("stepwise-norm-shared-head", "vectors", lambda: qs.MAML(normed(), 0.4, 3, outer_gradient="stepwise", shared_head=True)),
        Case("stepwise-mixed", "mixed", lambda: qs.MAML(several(), 0.1, 2, outer_gradient="stepwise")),
        Case("plus-plus", "vectors", plus_plus),
        Case("plus-plus-stepwise-conv", "images", lambda: qs.MAML(strided(), 0.1, 2, outer_gradient="stepwise", **PLUS_PLUS)),
        Case("stepwise-norm-prototypes", "vectors", lambda: qs.MAML(normed(), 0.1, 2, outer_gradient="stepwise", prototype_head=True)),
        Case("stepwise-conv-batch", "images", lambda: qs.MAML(strided(), 0.1, 2, outer_gradient="stepwise", statistics="transductive")),
    ],
    "imaml": [
        Case("dense", "pixels", lambda: qs.IMAML(dense(), 0.02, 60, 3, proximal=30.0, cg_steps=40)),
        Case("norm", "vectors", lambda: qs.IMAML(normed(), 0.02, 60, 3, proximal=30.0, cg_steps=40)),
        Case("transductive-shared", "vectors", lambda: qs.IMAML(normed(), 0.02, 100, 3, "sgd", 10.0, 40, 0.0, True, "transductive")),
        Case("few-steps", "sinusoids", lambda: qs.IMAML(line(), 0.05, 4, cg_steps=3, damping=1.0), gradient="approximate"),
        Case("conv-damped", "images", lambda: qs.IMAML(strided(), 0.1, 3, damping=2.0), gradient="approximate"),
    ],
    "fomaml": [
        Case("dense", "pixels", lambda: qs.FOMAML(dense(), 0.1, 2), gradient="first_order"),
        Case("sgd", "sinusoids", lambda: qs.FOMAML(line(), 0.05, 3), gradient="first_order"),
        Case("adam-norm-transductive", "vectors", lambda: qs.FOMAML(normed(), 0.01, 2, 4, "adam", "transductive"), gradient="first_order"),
        Case("conv", "images", lambda: qs.FOMAML(images(), 0.1, 2), gradient="first_order"),
        Case("shared-head", "vectors", lambda: qs.FOMAML(normed(), 0.4, 2, shared_head=True), gradient="first_order"),
    ],
    "anil": [
        Case("unet", "pixels", lambda: qs.ANIL(unet(), 0.3, 3)),
        Case("stepwise-dense", "pixels", lambda: qs.ANIL(dense(), 0.3, 3, outer_gradient="stepwise")),
        Case("mixed", "mixed", lambda: qs.ANIL(several(), 0.2, 2)),
        Case("unrolled", "sinusoids", lambda: qs.ANIL(line(), 0.05, 3)),
        Case("stepwise-norm-support", "vectors", lambda: qs.ANIL(normed(), 0.4, 3, outer_gradient="stepwise")),
        Case("transductive-shared", "vectors", lambda: qs.ANIL(normed(), 0.4, 2, shared_head=True, statistics="transductive")),
        Case("prototypes", "vectors", lambda: qs.ANIL(normed(), 0.1, 2, prototype_head=True)),
        Case("learned-rates", "vectors", lambda: qs.ANIL(vectors(), 0.3, 2, learned_rates=True)),
        Case("implicit", "vectors", lambda: qs.ANIL(normed(), 0.3, 150, 3, **AT_THE_OPTIMUM)),
        Case("conv-adam-multi", "images", lambda: qs.ANIL(images(), 0.01, 2, inner_optimiser="adam", multi_step_loss=True)),
    ],
    "boil": [
        Case("dense", "pixels", lambda: qs.BOIL(dense(), 0.1, 2)),
        Case("unrolled-multi", "sinusoids", lambda: qs.BOIL(line(), 0.05, 3, multi_step_loss=True)),
        Case("stepwise-norm-rates", "vectors", lambda: qs.BOIL(normed(), 0.2, 2, 3, outer_gradient="stepwise", learned_rates=True)),
        Case("implicit", "vectors", lambda: qs.BOIL(vectors(), 0.02, 60, 3, outer_gradient="implicit", proximal=30.0, backward_steps=60)),
        Case("conv-steps-norm", "images", lambda: qs.BOIL(images(), 0.1, 2, per_step_norm=True)),
    ],
    "cavia": [
        Case("dense", "pixels", lambda: _cavia(dense(), inner_steps=2, layer="0")),
        Case("unrolled", "sinusoids", lambda: _cavia(line(), inner_steps=2)),
        Case("stepwise-norm", "vectors", lambda: _cavia(normed(), inner_steps=2, layer="1", outer_gradient="stepwise")),
        Case("conv-momentum", "images", lambda: _cavia(images(), inner_steps=2, inner_optimiser="momentum", layer="blocks.1.0")),
    ],
    "metasgd": [
        Case("dense", "pixels", lambda: qs.MetaSGD(dense(), 0.1, 2)),
        Case("unrolled", "sinusoids", lambda: qs.MetaSGD(line(), 0.05, 2)),
        Case("stepwise-norm-shared", "vectors", lambda: qs.MetaSGD(normed(), 0.4, 2, outer_gradient="stepwise", shared_head=True)),
        Case("conv-transductive", "images", lambda: qs.MetaSGD(images(), 0.1, 1, statistics="transductive")),
    ],
    "metalstm": [
        Case("dense", "pixels", lambda: _metalstm(dense(), outer_gradient="unrolled")),
        Case("unrolled", "sinusoids", lambda: _metalstm(line(), outer_gradient="unrolled")),
        Case("stepwise-norm-shared", "vectors", lambda: _metalstm(normed(), outer_gradient="stepwise", shared_head=True)),
        Case("first-order", "vectors", lambda: _metalstm(normed(), inner_steps=3), gradient="constant"),
        Case("conv-transductive", "images", lambda: _metalstm(images(), statistics="transductive"), gradient="constant"),
    ],
    "reptile": [
        Case("dense", "pixels", lambda: qs.Reptile(dense(), 0.05, 3, None, "sgd"), gradient="displacement"),
        Case("adam", "sinusoids", lambda: qs.Reptile(line(), 0.01, 4), gradient="displacement"),
        Case("sgd-in-turn", "vectors", lambda: qs.Reptile(vectors(), 0.1, 4, 5, "sgd", 4), gradient="displacement", in_turn=True),
        Case("momentum-conv", "images", lambda: qs.Reptile(images(), 0.05, 3, None, "momentum"), gradient="displacement"),
        Case("shared-head", "vectors", lambda: qs.Reptile(normed(), 0.3, 3, None, "sgd", shared_head=True), gradient="displacement"),
    ],
    "protonet": [
        Case("mlp", "vectors", lambda: qs.ProtoNet(vectors(None))),
        Case("norm", "vectors", lambda: qs.ProtoNet(normed(None))),
        Case("conv", "images", lambda: qs.ProtoNet(images(None))),
    ],
    "matching": [
        Case("mlp", "vectors", lambda: qs.MatchingNet(vectors(None))),
        Case("conv", "images", lambda: qs.MatchingNet(images(None), scale=3.0)),
        Case("full-context", "vectors", lambda: _matching(vectors(None), 8), in_turn=True),
        Case("full-context-conv", "images", lambda: _matching(images(None)), in_turn=True),
    ],
    "relation": [Case("conv", "images", lambda: _relation(), pooled=True)],
    "siamese": [
        Case("mlp", "vectors", lambda: qs.Siamese(vectors(None), 8)),
        Case("conv", "images", lambda: qs.Siamese(images(None))),
    ],
    "r2d2": [
        Case("ridge", "vectors", lambda: qs.R2D2(vectors(None), regulariser=0.5)),
        Case("logistic-norm", "vectors", lambda: qs.R2D2(normed(None), "logistic", regulariser=0.5)),
        Case("ridge-conv", "images", lambda: qs.R2D2(images(None))),
    ],
    "mann": [
        Case("mlp", "vectors", lambda: _mann(vectors(None), 8), in_turn=True, pooled=True),
        Case("norm-one-head", "vectors", lambda: _mann(normed(None), 7, slots=3, heads=1), in_turn=True, pooled=True),
        # no slot twice: the loss jumps there
        Case("conv", "images", lambda: _mann(images(None), slots=40), in_turn=True, pooled=True),
    ],
    "linear_prior": [Case("mlp", "sinusoids", lambda: _linear_prior(qs.models.MLP(1, None, hidden=(6, 6))))],
    "logistic_prior": [
        Case("mlp", "vectors", lambda: _logistic_prior(vectors(None), 8)),
        Case("norm", "vectors", lambda: _logistic_prior(normed(None), 7)),
    ],
    "mixed_prior": [Case("mlp", "mixed", lambda: _mixed_prior(vectors(None)))],
    "hard_sharing": [
        Case("dense", "pixels", lambda: _sharing(qs.HardSharing, dense(), penalty=0.3)),
        Case("mixed", "mixed", lambda: _sharing(qs.HardSharing, several())),
        Case("mlp", "sinusoids", lambda: _sharing(qs.HardSharing, line())),
        Case("penalty", "sinusoids", lambda: _sharing(qs.HardSharing, line(), penalty=0.7, proximal=0.2, inner_optimiser="sgd")),
    ],
    "partial_sharing": [
        Case("dense", "pixels", lambda: _sharing(qs.PartialSharing, dense(), own=("0",))),
        Case("first-layer", "vectors", lambda: _sharing(qs.PartialSharing, normed(), own=("0",), penalty=0.7)),
        Case("experts", "vectors", lambda: _sharing(qs.PartialSharing, experts(normed(None)), proximal=0.2, inner_optimiser="sgd")),
        Case("layered", "sinusoids", lambda: _sharing(qs.PartialSharing, layered())),
        Case("experts-conv", "images", lambda: _sharing(qs.PartialSharing, qs.models.MixtureOfExperts(images(None), 3, 2))),
        Case("stitched-conv-batch", "images", lambda: _sharing(qs.PartialSharing, stitched(), statistics="transductive")),
    ],
    "soft_sharing": [
        Case("dense", "pixels", lambda: _sharing(qs.SoftSharing, dense(), penalty=0.3)),
        Case("mean", "vectors", lambda: _sharing(qs.SoftSharing, normed(), penalty=0.7)),
        Case("trace", "sinusoids", lambda: _sharing(qs.SoftSharing, line(), penalty=0.1, relation="trace"), gradient="constant"),
    ],
    "generator": [
        Case("film", "sinusoids", lambda: _generator(line())),
        Case("film-norm-side-adam", "vectors", lambda: _generator(normed(), side=(1, 3), inner_steps=2, inner_optimiser="adam")),
        Case("lowrank-stepwise", "sinusoids", lambda: _generator(line(), "lowrank", inner_steps=2, outer_gradient="stepwise")),
        Case("lowrank-transductive", "vectors", lambda: _generator(normed(), "lowrank", statistics="transductive")),
        Case("lowrank-conv", "images", lambda: _generator(strided(), "lowrank", inner_steps=1)),
        Case("film-conv", "images", lambda: _generator(images(), inner_steps=2, outer_gradient="stepwise")),
    ],
    "finetune": [
        Case("dense", "pixels", lambda: qs.Finetune(dense(), inner_lr=0.1, test_steps=3, inner_optimiser="sgd")),
        Case("regression", "sinusoids", lambda: qs.Finetune(line(), inner_lr=0.01, test_steps=3)),
        Case("head-sgd", "vectors", lambda: _finetune(vectors(None), 8, inner_lr=0.1, inner_optimiser="sgd")),
        Case("norm-support", "vectors", lambda: _finetune(normed(None), 7, statistics="support"), pooled=True),
        Case("conv-frozen", "images", lambda: _finetune(images(None))),
    ],
}  # fmt: skip
CASES = [replace(case, name=f"{key}-{case.name}") for key, cases in TABLE.items() for case in cases]
EMBEDDING = (
    "protonet",
    "matching",
    "relation",
    "siamese",
    "r2d2",
    "mann",
    "linear_prior",
    "logistic_prior",
    "mixed_prior",
)
MAPPED = [case for case in CASES if not case.name.startswith(EMBEDDING)]
"""The learners that map a function of one task; the others embed all tasks at once."""


def cast(episodes: Episode, dtype: torch.dtype) -> Episode:
    """The same episodes with all floating-point tensors of ``dtype``."""

    def in_dtype(values: Tensor) -> Tensor:
        return values.to(dtype) if values.dtype.is_floating_point else values

    return map_batches(episodes, lambda batch: batch.each(in_dtype))


def map_batches(episodes: Episode, function: Callable[[Batch], Batch]) -> Episode:
    support, query = function(episodes.support), function(episodes.query)
    return replace(episodes, support=support, query=query)


def pad(batch: Batch) -> Batch:
    """``batch`` with rows of garbage that the mask takes out again: one in front and two behind."""
    generator = qs.generator(0, "garbage")

    def around(values: Tensor, garbage: Callable[[tuple[int, ...]], Tensor]) -> Tensor:
        shape = (len(values), 3, *values.shape[2:])
        extra = garbage(shape).to(values.dtype)
        return torch.cat([extra[:, :1], values, extra[:, 1:]], 1)

    return Batch(
        around(batch.x, lambda shape: 20 * torch.randn(shape, generator=generator)),
        around(batch.y, torch.zeros),
        around(batch.mask, torch.zeros),
        batch.target,
    )


def tensors(episodes: Episode) -> list[Tensor]:
    return [
        getattr(part, name)
        for part in (episodes.support, episodes.query)
        for name in ("x", "y", "mask")
    ] + [episodes.task]


def gradients(learner: Learner, episodes: Episode) -> tuple[Tensor, dict[str, Tensor]]:
    """The losses, and the gradient of a weighted sum of them for every parameter by name."""
    learner.zero_grad()
    losses = learner.losses(episodes)
    (losses * torch.arange(1, len(losses) + 1)).sum().backward()
    return losses.detach(), {
        n: torch.zeros_like(p) if p.grad is None else p.grad.clone()
        for n, p in learner.named_parameters()
    }


def answers(learner: Learner, episodes: Episode) -> Tensor:
    return learner.predict(learner.adapt(episodes.support), episodes.query.x)


def close(actual: Any, expected: Any, tolerance: float = 1e-10) -> None:
    torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance)


def query_loss(learner: Any, weights: dict[str, Tensor], task: Episode) -> Tensor:
    """The query loss of one task at ``weights``, written out a second time."""
    statistics = None
    if learner.statistics == "support":
        statistics = forward(learner.model, weights, task.support.x[0], record=True)[1] or None
    scores = forward(learner.model, weights, task.query.x[0], statistics=statistics)[0]
    y = task.query.y[0]
    if task.query.target.metric in ("loss", "mean_iou"):
        return task.query.target.losses(scores[None], y[None])[0]
    return (
        nn.functional.mse_loss(scores, y)
        if y.dtype.is_floating_point
        else nn.functional.cross_entropy(scores, y)
    )
