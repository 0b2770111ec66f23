"""MANN: what it reads, in which order, and what it can know."""

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy import Batch, Episode
from tests.laws.battery import close, map_batches, pad, vectors

WAY = 3


def learner(**options) -> qs.MANN:
    return qs.MANN(vectors(None), WAY, 8, controller_size=10, slots=8, width=6, heads=2, **options)


def episodes(num_tasks: int = 4, query: int = 9) -> Episode:
    y = torch.arange(40).repeat_interleave(12)
    generator = qs.generator(0, "pool")
    x = 2 * torch.randn(40, 5, generator=generator)[y] + 0.1 * torch.randn(
        480, 5, generator=generator
    )
    return (
        qs.tasks.Arrays(x, y).pool.episodes(WAY, 1, query).sample(num_tasks, qs.Moment(0, "known"))
    )


def test_a_sequence_step_by_step_is_adapting_and_predicting():
    """The batched sequence of training against one example after another."""
    mann, tasks = learner().double().eval(), episodes(2, 3)
    tasks = Episode(
        *(Batch(b.x.double(), b.y, b.mask) for b in (tasks.support, tasks.query)), tasks.task
    )
    sequence, costs = mann.sequence(tasks), []
    for t in range(sequence.x.shape[1]):
        past = Batch(sequence.x[:, :t], sequence.y[:, :t], sequence.mask[:, :t])
        state = (
            mann.summarise(mann.embed(past.x, None), past, WAY)
            if t
            else mann._start(mann.embed(sequence.x[:, :1], None))
        )
        scores = mann.predict(
            {name: value.detach() for name, value in state.items()}, sequence.x[:, t : t + 1]
        )
        costs.append(nn.functional.cross_entropy(scores[:, 0], sequence.y[:, t], reduction="none"))
    close(mann.losses(tasks).detach(), torch.stack(costs).mean(0))


def test_the_controller_is_torchs_lstm_cell():
    mann, cell = learner().double(), nn.LSTMCell(8 + WAY + 2 * 6, 10).double()
    generator = qs.generator(0, "controller")
    state = mann._start(torch.zeros(1, 1, dtype=torch.float64))
    state |= {
        name: torch.randn(value.shape, generator=generator, dtype=value.dtype)
        for name, value in state.items()
        if value.ndim == 2
    }
    x = torch.randn(1, 8 + WAY, generator=generator, dtype=torch.float64)
    # torch's: input, forget, candidate, output
    order = torch.cat([torch.arange(20), torch.arange(30, 40), torch.arange(20, 30)])
    with torch.no_grad():
        cell.weight_ih.copy_(
            torch.cat([mann.inputs.weight, mann.recurrent.weight[:, 10:]], 1)[order]
        )
        cell.weight_hh.copy_(mann.recurrent.weight[order, :10])
        cell.bias_ih.copy_(mann.inputs.bias[order])
        # the forget gate starts open
        cell.bias_hh.copy_(torch.cat([torch.zeros(10), torch.ones(10), torch.zeros(20)]))
    new, (last_hidden, last_read) = (
        mann._step(mann.inputs(x), state),
        state["seen"].split([10, 12], 1),
    )
    hidden, memory = cell(torch.cat([x, last_read], 1), (last_hidden, state["cell"]))
    close((new["seen"][:, :10], new["cell"]), (hidden, memory))


def test_the_last_label_reaches_the_queries_and_no_label_its_own_step():
    mann, tasks = learner(), episodes(1, 1)
    support, x = tasks.support, tasks.query.x
    other = Batch(
        support.x, torch.cat([support.y[:, :-1], (support.y[:, -1:] + 1) % WAY], 1), support.mask
    )
    first, second = mann.adapt(support), mann.adapt(other)
    assert all(torch.equal(first[name], second[name]) for name in first if name != "label")
    assert not torch.allclose(mann.predict(first, x), mann.predict(second, x))


def test_the_order_of_a_sequence_is_random_and_its_own():
    mann, tasks = learner(), episodes(200, 2)
    y = mann.sequence(tasks).y
    assert (y.sort(1).values == torch.cat([tasks.support.y, tasks.query.y], 1).sort(1).values).all()
    shares = torch.stack([(y == label).double().mean(0) for label in range(WAY)])
    assert (shares - 1 / WAY).abs().max() < 0.15  # no place of the sequence tells the label
    assert len(y.unique(dim=0)) > 150
    assert torch.equal(mann.sequence(tasks[:7]).y, y[:7])
    later = tasks.at(qs.Moment(0, "train", 1))
    assert not torch.equal(mann.sequence(later).y, y)
    padded = mann.sequence(map_batches(tasks, pad))
    assert torch.equal(padded.y[:, :9], y) and not padded.mask[:, 9:].any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64, torch.uint8])
def test_any_kind_of_number_orders_a_sequence(dtype):
    tasks = episodes(50, 1)
    x = [(100 * part.x.abs()).to(dtype) for part in (tasks.support, tasks.query)]
    parts = [
        Batch(values, part.y, part.mask)
        for values, part in zip(x, (tasks.support, tasks.query), strict=True)
    ]
    assert len(learner().sequence(Episode(*parts, tasks.task)).y.unique(dim=0)) > 20


def test_nobody_knows_a_label_at_the_first_presentation():
    mann, tasks = learner(), episodes(100)
    optimizer = torch.optim.Adam(mann.parameters(), 1e-2)
    for _ in range(15):
        optimizer.zero_grad()
        mann.losses(tasks).mean().backward()
        optimizer.step()
    accuracy = mann.by_instance(tasks, (1, 2, 10, 11))
    assert accuracy.shape == (100, 4)
    assert accuracy[:, 3].isnan().all() and accuracy[:, :3].isfinite().all()
    assert accuracy[:, 0].mean() < (1 + 1 / 2 + 1 / 3) / WAY + 0.06


def test_by_instance_counts_presentations():
    class Knows(qs.MANN):
        """Answers class 1, whatever it is shown."""

        def _read(self, sequence: Batch) -> torch.Tensor:
            return nn.functional.one_hot(torch.ones_like(sequence.y), WAY).double()

    mann = Knows(vectors(None), WAY, 8)
    y = torch.tensor([[0, 1, 1, 1, 2, 2]])
    batch = Batch(
        torch.randn(1, 6, 5, generator=qs.generator(0, "x")),
        y,
        torch.tensor([[1.0, 1, 1, 0, 1, 1]]),
    )
    accuracy = mann.by_instance(
        Episode(batch, Batch(batch.x[:, :0], y[:, :0], batch.mask[:, :0]), torch.zeros(1)),
        (1, 2, 3),
    )
    close(accuracy[0, :2], torch.tensor([1 / 3, 1 / 2]), 1e-6)
    assert accuracy[0, 2].isnan()


def test_more_classes_than_its_way_are_refused():
    mann, batch = learner(), Batch.of(torch.zeros(4, 5), torch.arange(4))
    assert not mann.any_way
    for refused in (
        lambda: mann.adapt(batch),
        lambda: mann.losses(Episode(batch, batch, torch.zeros(1))),
    ):
        with pytest.raises(
            qs.UserError,
            match=r"`way` should be at least the classes of a task\. Found way=3, 4 classes",
        ):
            refused()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "`embedding_size` is needed"),
        ({"embedding_size": 8, "way": 0}, "`way` should be at least 1. Found way=0"),
        ({"embedding_size": 8, "controller_size": 0}, "`controller_size` should be at least 1"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(qs.UserError, match=message):
        qs.MANN(torch.nn.Linear(5, 8), **arguments)
