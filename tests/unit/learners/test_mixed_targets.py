"""Several targets of different kinds: what they cost, who learns from them, and tasks that are
adapted to together."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F

import quickstudy as qs
from quickstudy.training.baselines import Guess

TARGETS = (0, 2, 3)
SEVERAL = qs.targets.Several(TARGETS)
NAN = float("nan")


def model(targets=TARGETS) -> qs.models.MultiTarget:
    return qs.models.MultiTarget(qs.models.MLP(3, None, hidden=(6,)), targets)


def batch(num_tasks: int = 2, examples: int = 5, missing: float = 0.3) -> qs.Batch:
    draw = qs.generator(0, "mixed")
    x = torch.randn(num_tasks, examples, 3, generator=draw)
    y = torch.stack(
        [
            torch.randn(x.shape[:2], generator=draw),
            *(torch.randint(n, x.shape[:2], generator=draw) for n in TARGETS[1:]),
        ],
        -1,
    )
    y[torch.rand(y.shape, generator=draw) < missing] = NAN
    return qs.Batch(x, y, torch.ones(x.shape[:2]), SEVERAL)


class Draws(qs.tasks.TaskSource):
    """The same tasks in every step."""

    target = SEVERAL

    def sample(self, num_tasks: int, moment: qs.Moment) -> qs.Episode:
        return qs.Episode(batch(num_tasks), batch(num_tasks), torch.arange(num_tasks))

    def describe(self) -> dict[str, object]:
        return {"source": "draws"}


def test_relatedness_reads_what_labels_there_are():
    network = qs.models.MultiTarget(qs.models.MLP(2, None, hidden=(6,)), (0, 2, 2))
    found = qs.relatedness.relate(network, table().whole(), measure="gradient")
    assert found.similarity.isfinite().all()


def test_any_network_with_enough_outputs_serves():
    """The target says what is asked, so no network has to."""
    learner = qs.MAML(qs.models.MLP(3, 6, hidden=(6,)), 0.1)
    assert learner.losses(Draws().sample(2, qs.Moment())).isfinite().all()


def test_a_label_costs_what_it_costs_alone():
    scores, y = (
        torch.randn(7, 6, generator=qs.generator(0, "scores")),
        torch.tensor([[0.3, 1.0, 2.0]]).expand(7, 3),
    )
    losses = SEVERAL.label_losses(scores, y)
    torch.testing.assert_close(losses[:, 0], (scores[:, 0] - 0.3).square())
    torch.testing.assert_close(
        losses[:, 1], F.cross_entropy(scores[:, 1:3], torch.full((7,), 1), reduction="none")
    )
    torch.testing.assert_close(
        losses[:, 2], F.cross_entropy(scores[:, 3:], torch.full((7,), 2), reduction="none")
    )


def test_the_loss_of_a_task_is_the_mean_over_targets_of_their_labels():
    scores = torch.zeros(1, 2, 6)
    y = torch.tensor([[[3.0, 1.0, NAN], [NAN, 0.0, NAN]]])  # nothing for the third target
    torch.testing.assert_close(SEVERAL.losses(scores, y), torch.tensor([(9 + math.log(2)) / 2]))


def test_missing_labels_and_padding_count_nothing():
    """What stands beyond a mask or for a missing label changes neither loss nor gradient, and no
    label at all is exactly 0."""
    given, learner = batch(), qs.MAML(model(), 0.1, 2)
    longer = qs.Batch(
        *(torch.cat([v, v[:, :2]], 1) for v in (given.x, given.y)),
        torch.cat([given.mask, torch.zeros(2, 2)], 1),
        SEVERAL,
    )
    losses = []
    for support in (given, longer):
        learner.zero_grad()
        found = learner.losses(qs.Episode(support, support, torch.arange(2)))
        found.sum().backward()
        losses.append(
            [found.detach(), *(parameter.grad.clone() for parameter in learner.parameters())]
        )
    torch.testing.assert_close(losses[0], losses[1])
    none = replace(given, y=torch.full_like(given.y, NAN))
    learner.zero_grad()
    empty = learner.losses(qs.Episode(none, none, torch.arange(2)))
    empty.sum().backward()
    assert torch.equal(empty, torch.zeros(2)) and all(
        not parameter.grad.any() for parameter in learner.parameters()
    )


def test_one_number_is_regression():
    """With one target that is a number, a learner's losses are those of regression."""
    given = batch(missing=0.0)
    one = qs.Batch(given.x, given.y[..., :1], given.mask, qs.targets.Several((0,)))
    plain = qs.Batch(given.x, given.y[..., :1], given.mask)
    several = qs.ANIL(model((0,)), 0.1, 3)
    alone = qs.ANIL(qs.models.MLP(3, 1, hidden=(6,)), 0.1, 3)
    alone.load_state_dict(
        {
            key.replace("model.trunk.", "model."): value
            for key, value in several.state_dict().items()
        }
    )
    of_several = several.losses(qs.Episode(one, one, torch.arange(2)))
    torch.testing.assert_close(of_several, alone.losses(qs.Episode(plain, plain, torch.arange(2))))


@pytest.mark.parametrize(
    "make",
    [
        lambda m: qs.MAML(m, 0.2, 3),
        lambda m: qs.ANIL(m, 0.2, 3),
        lambda m: qs.Reptile(m, 0.1, 3, inner_optimiser="sgd"),
        lambda m: qs.HardSharing(m, 2, inner_lr=0.1),
    ],
    ids=["maml", "anil", "reptile", "hard_sharing"],
)
def test_learners_adapt_to_all_targets(make):
    """Adapting lowers the loss of every target on the support set, and the answers are numbers and
    probabilities."""
    learner, given = make(model()), batch(examples=12)
    before = learner.predict(learner.adapt(given, steps=0), given.x)
    after = learner.predict(learner.adapt(given, steps=30), given.x)
    losses = [SEVERAL.label_losses(scores, given.y).mean((0, 1)) for scores in (before, after)]
    assert (losses[1] < losses[0]).all()
    number, *classes = learner.model.answers(after)
    assert number.shape == (2, 12)
    assert all(torch.allclose(part.sum(-1), torch.ones(2, 12)) for part in classes)


def table() -> qs.tasks.Table:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(120, 2))
    rows = pd.DataFrame(
        {
            "shop": np.repeat(np.arange(6), 20),
            "a": x[:, 0],
            "b": x[:, 1],
            "sold": x.sum(1),
            "late": x[:, 0] > 0,
        }
    )
    rows["grade"] = np.where(x[:, 1] > 0, "good", "bad")
    rows.loc[draw.random(120) < 0.4, "sold"] = np.nan
    rows["late"] = rows["late"].astype(object).where(draw.random(120) < 0.5)
    rows.loc[7, ["sold", "late", "grade"]] = None
    return qs.tasks.Table(
        rows,
        "shop",
        ["sold", "late", "grade"],
        {"sold": "regression", "late": "classification", "grade": "classification"},
    )


def test_a_table_of_several_kinds():
    made = table()
    assert made.target == qs.targets.Several((0, 2, 2)) and made.labels == {
        "sold": (),
        "late": ("False", "True"),
        "grade": ("bad", "good"),
    }
    assert made.num_unlabelled == 1 and len(made.frame) == 119
    tasks = made.whole()
    assert tasks.y.isnan().any(0).tolist() == [True, True, False]
    source = tasks.episodes(shot=5, query=5)
    learner = qs.MAML(
        qs.models.MultiTarget(qs.models.MLP(2, None, hidden=(8,)), made.target.targets), 0.2, 3
    )
    before = qs.evaluate(learner, source, 10, baselines=False).mean
    qs.fit(learner, source, 60, 4, lr=1e-2, progress=False)
    found = qs.evaluate(learner, source, 10)
    assert found.metric == "loss" and found.mean < before
    assert found.mean < found.baselines["support mean"].mean


def test_the_support_mean_says_means_and_frequencies():
    y = torch.tensor([[1.0, 0.0], [3.0, 0.0], [NAN, 1.0]])
    support = qs.Batch.of(torch.zeros(3, 1), y, qs.targets.Several((0, 2)))
    learner = Guess()
    scores = learner.predict(learner.adapt(support), torch.zeros(1, 1, 1))[0, 0]
    torch.testing.assert_close(scores, torch.tensor([2.0, math.log(3 / 5), math.log(2 / 5)]))


def test_a_group_is_adapted_to_jointly():
    """Shared layers move by the mean of the members' gradients, a head by its own only."""
    source = qs.tasks.Sinusoid().episodes(shot=4, query=3)
    pairs = qs.tasks.Grouped(source, 2).sample(3, qs.Moment(1, "pairs"))
    members = source.sample(6, qs.Moment(1, "pairs"))
    learner = qs.MAML(qs.models.MultiTarget(qs.models.MLP(1, None, hidden=(5,)), (0, 0)), 0.1, 1)
    adapted, start = learner.adapt(pairs.support), dict(learner.model.named_parameters())
    for group in range(3):
        alone = []
        for place in range(2):
            part = members[2 * group + place : 2 * group + place + 1].support
            scores = learner.model(part.x[0])[:, place : place + 1]
            loss = (scores - part.y[0]).square().mean() / 2
            alone.append(
                dict(zip(start, torch.autograd.grad(loss, list(start.values())), strict=True))
            )
        assert not alone[0]["head.weight"][1].any() and not alone[1]["head.weight"][0].any()
        for name, value in start.items():
            torch.testing.assert_close(
                adapted[name][group], value - 0.1 * (alone[0][name] + alone[1][name])
            )


def test_groups_of_classes():
    pairs = qs.tasks.Grouped(table_of_classes().whole().episodes(shot=3, query=2), 2)
    assert pairs.target.targets == (3, 3)
    drawn = pairs.sample(2, qs.Moment(0, "groups"))
    assert drawn.support.y.shape == (2, 6, 2) and (drawn.support.y.isfinite().sum(-1) == 1).all()
    learner = qs.ANIL(
        qs.models.MultiTarget(qs.models.MLP(1, None, hidden=(4,)), pairs.target.targets), 0.1
    )
    assert learner.losses(drawn).isfinite().all()


def table_of_classes(**options) -> qs.tasks.Table:
    labels = [
        "a",
        "b",
        "a",
        "b",
        "a",
        "b",
        "d",
        "c",
        "b",
        "d",
        "c",
        "b",
        "d",
        "d",
        "c",
        "c",
        "d",
        "c",
    ]
    rows = pd.DataFrame({"shop": np.repeat([1, 2, 3], 6), "x": np.arange(18.0), "kind": labels})
    return qs.tasks.Table(
        rows,
        **{"task": "shop", "target": "kind", "kind": "classification", "own_classes": True}
        | options,
    )


def test_tasks_of_different_numbers_of_classes():
    made = table_of_classes()
    tasks = made.whole()
    assert made.target.scores == 3 and table_of_classes(own_classes=False).target.scores == 4
    assert tasks.y.tolist() == [0, 1, 0, 1, 0, 1, 2, 1, 0, 2, 1, 0, 1, 1, 0, 0, 1, 0]
    learner = qs.MAML(qs.models.MLP(1, 3, hidden=(4,)), 0.1, shared_head=True)
    assert (
        learner.losses(tasks.episodes(shot=3, query=3).sample(3, qs.Moment(0, "own")))
        .isfinite()
        .all()
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            lambda: model((0, 1)),
            "Targets should be 0 for a number, or at least 2 classes. Found (0, 1).",
        ),
        (lambda: model(()), "Targets should be 0 for a number, or at least 2 classes. Found ()."),
        (
            lambda: qs.models.MultiTarget(torch.nn.Identity(), (0,)),
            "Parameter `embedding_size` is needed: this model does not say its own.",
        ),
        (
            lambda: qs.fit(qs.MAML(model(), shared_head=True), Draws(), 1),
            "MAML cannot serve Several(targets=(0, 2, 3)). Parameter `shared_head` goes with tasks "
            "of classes.",
        ),
        (
            lambda: SEVERAL.label_losses(torch.zeros(2, 4), torch.zeros(2, 3)),
            "Targets (0, 2, 3) should have 6 scores and 3 floating-point targets for every "
            "example. "
            "Found scores (2, 4) and targets (2, 3).",
        ),
        (
            lambda: qs.evaluate(qs.MAML(qs.models.MLP(2, 4)), table().whole().episodes(3), 2),
            "MAML cannot serve Several(targets=(0, 2, 2)). The network should have 5 outputs. "
            "Found 4.",
        ),
        (
            lambda: qs.fit(qs.ProtoNet(model((0, 2, 2))), table().whole().episodes(3), 2),
            "ProtoNet cannot serve Several(targets=(0, 2, 2)). It classifies",
        ),
        (
            lambda: qs.fit(qs.Generator(model((0, 2, 2))), table().whole().episodes(3), 2),
            "Generator cannot serve Several(targets=(0, 2, 2)). It serves classes, or 5 numbers.",
        ),
        (
            lambda: qs.tasks.Table(table().frame, "shop", ["sold", "late"], {"sold": "regression"}),
            "Parameter `kind` should say the kind of every target. Found ['sold'] for "
            "['late', 'sold'].",
        ),
        (
            lambda: qs.tasks.Grouped(table().whole().episodes(3), 2),
            "Parameter `source` should give tasks of one target. Found Several",
        ),
        (
            lambda: qs.tasks.Grouped(qs.tasks.Sinusoid().episodes(), 0),
            "Parameter `size` should be at least 1. Found size=0.",
        ),
        (
            lambda: table_of_classes(kind="regression", target="x"),
            "Parameter `own_classes` goes with kind='classification' only.",
        ),
    ],
)
def test_errors(wrong, message):
    with pytest.raises(qs.UserError) as error:
        wrong()
    assert str(error.value).startswith(message)
