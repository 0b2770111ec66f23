"""Laws that the battery once found broken in a corner."""

import shutil

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy import Batch
from quickstudy.episode import Episode
from quickstudy.learners import MAML
from tests.laws.battery import Case, close, gradients, vectors
from tests.laws.test_models import Peeks


@pytest.mark.parametrize("mapping", ["loop", 1, 2])
def test_finetune_adapts_tasks_of_different_ways_under_every_mapping(mapping):
    generator = qs.generator(0, "ways")
    x, y = (
        torch.randn(3, 3, 5, generator=generator),
        torch.tensor([[0, 1, 2], [0, 1, 0], [0, 1, 0]]),
    )
    support = Batch(x, y, torch.tensor([[1.0, 1, 1], [1, 1, 0], [1, 1, 0]]))
    results = []
    for how in ("vmap", mapping):
        learner = qs.Finetune(vectors(None), 4, embedding_size=8, mapping=how)
        results.append(learner.predict(learner.adapt(support), x))
    close(results[1], results[0], 1e-6)


@pytest.mark.parametrize(("steps", "multi_step_loss"), [(2, False), (7, False), (8, True)])
@pytest.mark.parametrize("alike", [True, False])
def test_stepwise_is_unrolled_with_dropout(steps, multi_step_loss, alike):
    weights = torch.ones(3).double() if alike else torch.tensor([1.0, -2.0, 0.0]).double()
    results = []
    for outer in ("unrolled", "stepwise"):
        model = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 3))
        qs.models.initialise.initialise(model, qs.generator(0, "model"))
        learner = qs.MAML(
            model, 0.1, steps, outer_gradient=outer, multi_step_loss=multi_step_loss
        ).double()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            losses = learner.losses(Case("dropout", "vectors", lambda: None).episodes())
            after = torch.rand(1)
            results.append(
                (
                    losses,
                    *torch.autograd.grad((weights * losses).sum(), list(learner.parameters())),
                    after,
                )
            )
    close(results[1], results[0])


def test_stepwise_keeps_states_of_as_many_tasks_as_there_is_room_for(monkeypatch):
    sizes, whole, results = [], MAML.loop, []

    def loop(self, meta, tasks, query=None):
        # without queries the size of a state is measured
        sizes.extend([tasks.support.num_tasks] if query is not None else [])
        return whole(self, meta, tasks, query)

    monkeypatch.setattr(MAML, "loop", loop)
    # of one task's four steps
    states = 4 * sum(parameter.nbytes for parameter in vectors().double().parameters())
    for room in (3 * states, 3 * states - 1, 1):
        monkeypatch.setattr("quickstudy.learners.gradient.KEPT_BYTES", room)
        learner = qs.MAML(vectors(), 0.1, 4, outer_gradient="stepwise").double()
        results.append(gradients(learner, Case("room", "vectors", lambda: None).episodes()))
    assert sizes == [3, 2, 1, 1, 1, 1]
    close(results[1], results[0])
    close(results[2], results[0])


def test_a_first_batch_without_queries_does_not_settle_the_mapping():
    episodes = Case("empty", "vectors", lambda: None).episodes()
    learner = qs.FOMAML(nn.Sequential(vectors(), Peeks()), 0.1).double()
    query = episodes.query
    nothing = Batch(query.x[:, :0], query.y[:, :0], query.mask[:, :0])
    assert (learner.losses(Episode(episodes.support, nothing, episodes.task)) == 0).all()
    assert learner.losses(episodes).isfinite().all()


@pytest.mark.parametrize("outer", ["unrolled", "stepwise", "first_order"])
def test_a_gradient_can_be_taken_task_by_task(outer):
    episodes = Case("each", "vectors", lambda: None).episodes()
    learner = qs.MAML(vectors(), 0.1, 2, outer_gradient=outer).double()
    losses, parameters = learner.losses(episodes), list(learner.parameters())
    each = [torch.autograd.grad(loss, parameters, retain_graph=True) for loss in losses]
    total = torch.autograd.grad(losses.sum(), parameters)
    close([torch.stack(parts).sum(0) for parts in zip(*each, strict=True)], list(total))


def convolutional() -> nn.Module:
    """A network of one's own on images of 8 × 8, whose weights a gradient learner puts into
    channels-last order."""
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, 2),
        nn.ReLU(),
        nn.Conv2d(4, 4, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(4, 3),
    )
    qs.models.initialise.initialise(model, qs.generator(0, "model"))
    return model


def of_images(size: int = 8) -> qs.tasks.Episodes:
    x = torch.rand(60, 1, size, size, generator=qs.generator(0, "images"))
    return qs.tasks.Arrays(x, torch.arange(60) // 6).episodes(3, 1, 3)


@pytest.mark.parametrize(
    ("make", "size"),
    [
        (lambda: qs.FOMAML(convolutional(), 0.1), 8),
        (lambda: qs.ProtoNet(qs.models.Conv4(channels=4, image_size=16)), 16),
        (lambda: qs.MAML(qs.models.Conv4(3, channels=4, image_size=16), 0.1), 16),
    ],
)
def test_a_resumed_run_is_the_uninterrupted_one_whatever_the_layout_of_its_weights(
    make, size, tmp_path
):
    whole, halves = make(), make()
    options = {"lr": 1e-2, "tasks_per_step": 2, "progress": False}
    qs.fit(whole, of_images(size), 6, **options)
    qs.fit(halves, of_images(size), 3, out=tmp_path, **options)
    qs.fit(halves, of_images(size), 6, out=tmp_path, resume=True, **options)
    for a, b in zip(whole.parameters(), halves.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")
@pytest.mark.filterwarnings("ignore")  # the compiler's own
def test_a_compiled_run_is_an_ordinary_one_whatever_the_layout_of_its_weights():
    learners = [qs.FOMAML(convolutional(), 0.1) for _ in range(2)]
    for learner, compile in zip(learners, (False, True), strict=True):
        qs.fit(learner, of_images(), 3, lr=1e-2, tasks_per_step=2, progress=False, compile=compile)
    close([*learners[1].parameters()], [*learners[0].parameters()], 1e-4)


@pytest.mark.parametrize("learner", [qs.MAML, qs.Reptile, qs.FOMAML])
def test_volumes_are_served(learner):
    model = nn.Sequential(nn.Conv3d(1, 2, 3), nn.Flatten(), nn.Linear(2, 3))
    x, y = torch.rand(2, 3, 1, 3, 3, 3), torch.arange(3).expand(2, 3)
    batch = Batch(x, y, torch.ones(2, 3))
    assert learner(model, 0.1).losses(Episode(batch, batch, torch.arange(2))).isfinite().all()


@pytest.mark.parametrize("make", [qs.MAML, qs.ANIL])
def test_prototypes_are_differentiated_as_they_are_adapted(make):
    """The head that prototypes make is a start: inner gradients do not run through it into the
    body."""
    results, episodes = [], Case("prototypes", "vectors", lambda: None).episodes()
    for outer in ("unrolled", "stepwise", "truncated"):
        learner = make(
            vectors(), 0.4, 3, outer_gradient=outer, backward_steps=3, prototype_head=True
        ).double()
        scores = learner.predict(learner.adapt(episodes.support), episodes.query.x)
        losses = learner.losses(episodes)
        query = episodes.query
        close(losses.detach(), query.target.losses(scores, query.y, query.mask))
        results.append(
            torch.autograd.grad(
                losses.sum(), list(learner.parameters()), allow_unused=True, materialize_grads=True
            )
        )
    close(results[1], results[0])
    close(results[2], results[0])


def test_stepwise_draws_the_dropout_of_prototypes_once():
    results = []
    for outer in ("unrolled", "stepwise"):
        model = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 3))
        qs.models.initialise.initialise(model, qs.generator(0, "model"))
        learner = qs.MAML(
            model, 0.1, 2, outer_gradient=outer, prototype_head=True, mapping="loop"
        ).double()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            results.append(
                (
                    *gradients(learner, Case("dropout", "vectors", lambda: None).episodes()),
                    torch.rand(1),
                )
            )
    close(results[1], results[0])
