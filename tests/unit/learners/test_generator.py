"""Generators: what is generated against the same written by hand, and what the embedding may depend
on."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import quickstudy as qs
from quickstudy import Batch, Episode
from quickstudy.learners.modulation import FiLM, LowRank
from quickstudy.learners.parts import Examples, Shared, Tasks
from quickstudy.learners.set_encoder import SetEncoder
from tests.laws.battery import Case, close, gradients, line, normed, vectors

SINUSOIDS, VECTORS = (Case(tasks, tasks, lambda: None) for tasks in ("sinusoids", "vectors"))


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(
        *shape, dtype=torch.float64, generator=qs.generator(len(shape), "generators")
    )


def awake(learner: qs.Generator) -> qs.Generator:
    """With embeddings that change their layers."""
    learner = learner.double()
    with torch.no_grad():
        for index, change in enumerate(learner.part.modulations):
            change.generate.weight.copy_(
                0.3
                * torch.randn(change.generate.weight.shape, generator=qs.generator(index, "awake"))
            )
    return learner


def made(model: nn.Module, *arguments, **options) -> qs.Generator:
    return qs.Generator(model, *arguments, embedding_size=4, encoder_size=8, **options).double()


@pytest.mark.parametrize("kind", ["film", "lowrank"])
def test_at_the_start_it_is_the_shared_network(kind):
    episodes, learner = SINUSOIDS.episodes(), made(line(), kind)
    adapted = learner.adapt(episodes.support)
    close(
        learner.predict(adapted, episodes.query.x).flatten(0, 1),
        learner.model(episodes.query.x.flatten(0, 1)).detach(),
    )
    assert adapted.keys() == {"embedding"} and (adapted["embedding"] != 0).any()


def test_film_scales_and_shifts_every_hidden_layer():
    episodes, learner = SINUSOIDS.episodes(), awake(made(line()))
    adapted = learner.adapt(episodes.support)
    found, body = learner.predict(adapted, episodes.query.x), learner.model.features
    for task in range(3):
        hidden = episodes.query.x[task]
        for layer, change in zip((body[1], body[3]), learner.part.modulations, strict=True):
            scale, shift = (change.generate.weight @ adapted["embedding"][task]).split(6)
            hidden = ((1 + scale) * layer(hidden) + shift).relu()
        close(found[task], learner.model.head(hidden).detach())


def test_weights_of_low_rank_are_the_dense_sum():
    episodes, learner = SINUSOIDS.episodes(), awake(made(line(), "lowrank", rank=3))
    adapted = learner.adapt(episodes.support)
    found, own = learner.predict(adapted, episodes.query.x), dict(learner.model.named_parameters())
    for task in range(3):
        dense = dict(own)
        for name, change in zip(
            ("features.1", "features.3"), learner.part.modulations, strict=True
        ):
            s, shift = (change.generate.weight @ adapted["embedding"][task]).split([3, 6])
            dense[f"{name}.weight"] = own[f"{name}.weight"] + change.left @ s.diag() @ change.right
            dense[f"{name}.bias"] = own[f"{name}.bias"] + shift
        close(
            found[task],
            torch.func.functional_call(learner.model, dense, (episodes.query.x[task],)).detach(),
        )


@pytest.mark.parametrize("kind", [FiLM, LowRank])
@pytest.mark.parametrize("each", [False, True], ids=["one-embedding", "one-an-example"])
def test_convolutions_are_changed_as_their_weights_would_be(kind, each):
    layer = nn.Conv2d(2, 5, 3, stride=2, padding=1, padding_mode="reflect").double()
    change = (kind(layer, 4) if kind is FiLM else kind(layer, 4, 3)).double()
    nn.init.normal_(change.generate.weight, generator=qs.generator(0, "conv"))
    x, embeddings = draw(6, 2, 7, 7), draw(6, 4)
    found = change(layer, x, layer(x), embeddings if each else embeddings[0])
    for index in range(6):
        values = change.generate.weight @ embeddings[index if each else 0]
        if kind is FiLM:
            weight, bias = (
                (1 + values[:5, None, None, None]) * layer.weight,
                (1 + values[:5]) * layer.bias + values[5:],
            )
        else:
            weight = layer.weight + torch.einsum(
                "r,cr,r...->c...", values[:3], change.left, change.right
            )
            bias = layer.bias + values[3:]
        close(found[index : index + 1], layer._conv_forward(x[index : index + 1], weight, bias))


def test_linear_layers_on_sequences_have_their_channels_last():
    layer, x, embeddings = nn.Linear(2, 5).double(), draw(3, 4, 2), draw(3, 4)
    for change in (FiLM(layer, 4).double(), LowRank(layer, 4, 2).double()):
        nn.init.normal_(change.generate.weight, generator=qs.generator(0, "sequence"))
        found = change(layer, x, layer(x), embeddings)
        for step in range(4):
            close(found[:, step], change(layer, x[:, step], layer(x[:, step]), embeddings))


def test_the_encoder_is_a_sum_by_hand_and_nothing_is_the_embedding_of_no_examples():
    encoder, features, targets = SetEncoder(3, 2, 4, 8).double(), draw(2, 5, 3), draw(2, 5, 2)
    mask = torch.tensor([[1.0, 1, 0, 1, 0], [0, 0, 0, 0, 0]], dtype=torch.float64)
    found = encoder(features, targets, mask.unsqueeze(-1))
    real = [0, 1, 3]
    inside = encoder.example(
        encoder.of_features(features[0, real]) + encoder.of_targets(targets[0, real])
    )
    close(found[0], encoder.group(inside.sum(0) / 4))
    assert (found[1] == 0).all()


@pytest.mark.parametrize("rows", [0, 3], ids=["no-rows", "padding-alone"])
def test_a_task_without_examples_is_served_by_the_shared_network(rows):
    learner, x = awake(made(line(), inner_steps=1)), draw(2, 4, 1)
    adapted = learner.adapt(
        Batch(draw(2, rows, 1), draw(2, rows, 1), torch.zeros(2, rows, dtype=torch.float64)), 0
    )
    assert (adapted["embedding"] == 0).all()
    close(learner.predict(adapted, x).flatten(0, 1), learner.model(x.flatten(0, 1)).detach())
    classes = awake(made(normed(), inner_steps=1))
    nothing = Batch(
        draw(2, 3, 5),
        torch.tensor([[0, 1, 2]]).expand(2, 3),
        torch.zeros(2, 3, dtype=torch.float64),
    )
    assert classes.predict(classes.adapt(nothing), draw(2, 4, 5)).isfinite().all()


def test_classes_in_another_order_have_the_same_embedding_and_their_scores_in_that_order():
    episodes, learner = VECTORS.episodes(), awake(made(normed(), inner_steps=2))
    support, order = episodes.support, torch.tensor([2, 0, 1])
    adapted = learner.adapt(support)
    other = learner.adapt(Batch(support.x, order[support.y], support.mask))
    close(
        learner.predict(other, episodes.query.x)[..., order],
        learner.predict(adapted, episodes.query.x),
    )
    close(
        learner.adapt(support, 0)["embedding"],
        learner.adapt(Batch(support.x, order[support.y], support.mask), 0)["embedding"],
    )


def test_any_way_is_served():
    learner = awake(made(vectors(3)))
    batch = Batch.of(draw(10, 5), torch.arange(10) % 5)
    assert learner.predict(learner.adapt(batch), batch.x).shape == (1, 10, 5)


def test_steps_descend_the_embedding_by_hand():
    episodes, learner = SINUSOIDS.episodes(), awake(made(line(), inner_steps=2, inner_lr=0.2))
    z = learner.adapt(episodes.support, 0)["embedding"]
    for _ in range(2):
        z = z.detach().requires_grad_()
        scores = torch.stack(
            [
                learner.part.whole(Shared(learner.model), {"embedding": one}, Examples(x))[0]
                for one, x in zip(z, episodes.support.x, strict=True)
            ]
        )
        z = z - 0.2 * torch.autograd.grad(sum(map(F.mse_loss, scores, episodes.support.y)), z)[0]
    close(learner.adapt(episodes.support)["embedding"], z.detach())


def test_a_first_order_gradient_has_the_loss_of_the_exact_one_and_another_gradient():
    episodes = SINUSOIDS.episodes()
    learner = awake(made(line(), inner_steps=2))
    losses, grads = gradients(learner, episodes)
    learner.gradient.outer_gradient = "stepwise"
    close(gradients(learner, episodes), (losses, grads), 1e-9)
    learner.gradient.outer_gradient = "first_order"
    first, approximate = gradients(learner, episodes)
    close(first, losses)
    assert not torch.allclose(
        approximate["part.encoder.group.0.weight"], grads["part.encoder.group.0.weight"]
    )
    # the inner gradient as a constant: a step adds nothing to dz, so the encoder is moved by the
    # query loss at the adapted embedding
    z0, z = (learner.adapt(episodes.support, steps)["embedding"] for steps in (0, 2))
    start = learner.part.start(Shared(learner.model), Tasks(episodes.support))["embedding"]
    close(start.detach(), z0)
    moved = start + (z - z0)
    weights = torch.arange(1, 4)
    scores = [
        learner.part.whole(Shared(learner.model), {"embedding": one}, Examples(x))[0]
        for one, x in zip(moved, episodes.query.x, strict=True)
    ]
    loss = sum(
        weight * F.mse_loss(score, y)
        for weight, score, y in zip(weights, scores, episodes.query.y, strict=True)
    )
    close(
        approximate["part.encoder.group.0.weight"],
        torch.autograd.grad(loss, learner.part.encoder.group[0].weight)[0],
    )


def tables(rows: int) -> Episode:
    """Tasks whose side information, the second column, is the slope that the first is multiplied
    by; ``rows`` support rows."""

    def family(num_tasks, num_examples, generator):
        x = torch.randn(num_tasks, num_examples, 1, generator=generator)
        slope = torch.rand(num_tasks, 1, 1, generator=generator).expand_as(x) * 4 - 2
        return torch.cat([x, slope], 2), slope * x

    return qs.tasks.Family(family, max(rows, 1), 8)


def test_side_information_alone_serves_a_task_without_examples():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        learner = qs.Generator(
            qs.models.MLP(2, 1, hidden=(16, 16)), side=(1,), embedding_size=8, encoder_size=16
        )
    source = tables(1)

    def empty(episodes: Episode) -> Episode:
        support = episodes.support
        return Episode(
            Batch(support.x, support.y, torch.zeros_like(support.mask)),
            episodes.query,
            episodes.task,
        )

    optimizer = torch.optim.Adam(learner.parameters(), 1e-2)
    for step in range(100):
        optimizer.zero_grad()
        learner.losses(empty(source.sample(32, qs.Moment(0, "train", step)))).mean().backward()
        optimizer.step()
    test = empty(source.sample(64, qs.Moment(1, "test")))
    adapted = learner.adapt(test.support)
    assert (adapted["embedding"] == 0).all()
    error = (learner.predict(adapted, test.query.x) - test.query.y).square().mean()
    assert error < 0.1 * test.query.y.square().mean()


def test_side_information_is_added_to_the_embedding():
    learner = awake(made(qs.models.MLP(5, 1, hidden=(6,)), side=(4, 1)))
    x, support = draw(1, 3, 5), Batch.of(draw(2, 5), draw(2, 1))
    z = learner.adapt(support)["embedding"]
    found = learner.predict({"embedding": z}, x)
    layer, [change] = learner.model.features[1], learner.part.modulations
    both = z + learner.part.side_encoder(x[0][:, [4, 1]])
    scale, shift = change.generate(both).chunk(2, -1)
    close(found[0], learner.model.head(((1 + scale) * layer(x[0]) + shift).relu()).detach())


def test_film_changes_norms_where_there_are_any():
    assert made(normed()).part._layers == ("1",)
    assert made(normed(), "lowrank").part._layers == ("0",)
    assert made(line()).part._layers == ("features.1", "features.3")
    assert made(line(), layers=("head",)).part._layers == ("head",)


def test_tasks_of_two_kinds_are_told_apart():
    """Lines that rise and lines that fall: after one example a generator knows which; a shared
    network could not."""

    def lines(sign):
        def family(num_tasks, num_examples, generator):
            x = torch.rand(num_tasks, num_examples, 1, generator=generator) + 0.5
            return x, sign * x

        return qs.tasks.Family(family, 1, 8)

    source = qs.tasks.Mixture([lines(1), lines(-1)])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        learner = qs.Generator(qs.models.MLP(1, 1, hidden=(16,)), embedding_size=4, encoder_size=16)
    qs.fit(learner, source, steps=150, tasks_per_step=16, lr=1e-2, progress=False)
    test = source.sample(64, qs.Moment(1, "test"))
    error = (
        (learner.predict(learner.adapt(test.support), test.query.x) - test.query.y).square().mean()
    )
    assert error < 0.05  # the best that is the same for all tasks is at 1.08


def no_bias() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 3, bias=False))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            lambda: qs.Generator(line(), "dense"),
            "Parameter `kind` should be 'film' or 'lowrank'. Found 'dense'.",
        ),
        (
            lambda: qs.Generator(line(), layers=("nowhere",)),
            "Parameter `layers` should name layers of the model. Found 'nowhere'.",
        ),
        (
            lambda: qs.Generator(line(), layers=("features.2",)),
            "should be a linear layer, a convolution or a norm. Found ReLU.",
        ),
        (
            lambda: qs.Generator(normed(), "lowrank", layers=("1",)),
            "convolutions without groups. Found TaskNorm",
        ),
        (
            lambda: qs.Generator(line(), rank=0),
            "Parameter `rank` should be at least 1. Found rank=0.",
        ),
        (
            lambda: qs.Generator(line(), embedding_size=0),
            "Parameter `embedding_size` should be at least 1.",
        ),
        (
            lambda: qs.Generator(line(), outer_gradient="guess"),
            "Parameter `outer_gradient` should be one of",
        ),
        (
            lambda: qs.Generator(line(), side=(-1,)),
            "Parameter `side` should hold columns from 0 on. Found side=(-1,).",
        ),
        (
            lambda: qs.Generator(nn.Linear(2, 1)),
            "should have a linear layer, convolution or batch norm below its head",
        ),
        (
            lambda: made(line()).adapt(Batch.of(draw(3, 1), draw(3))),
            "Targets should be [task, example, target] with the 1 outputs",
        ),
        (
            lambda: made(line()).adapt(Batch.of(draw(3, 1), draw(3, 2))),
            "Numbers(shape=(2,)). It serves classes, or 1 numbers",
        ),
        (
            lambda: (one := made(line(), side=(1,))).predict(
                one.adapt(Batch.of(draw(3, 1), draw(3, 1))), draw(1, 3, 1)
            ),
            "Parameter `side` should name columns of x [task, example, feature]. Found (1,), "
            "x [3, 1].",
        ),
        (
            lambda: made(no_bias()).adapt(Batch.of(draw(3, 2), torch.arange(3))),
            "Classification needs a model whose head has a bias.",
        ),
    ],
)
def test_errors(make, says):
    with pytest.raises(qs.UserError) as error:
        make()
    assert says in str(error.value)
