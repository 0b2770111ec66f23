"""A head whose rows start alike: classes have no order, and any number of them is served."""

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy import Batch
from quickstudy.models.initialise import initialise
from tests.laws.battery import close, vectors


def learner(shared_head: bool = True) -> qs.MAML:
    return qs.MAML(vectors(), 0.3, 2, shared_head=shared_head).double()


def support() -> Batch:
    return Batch.of(
        torch.randn(6, 5, dtype=torch.float64, generator=qs.generator(0, "support")),
        torch.tensor([0, 1, 2, 0, 1, 2]),
    )


def test_without_steps_all_classes_score_alike_and_as_the_mean_of_the_rows():
    maml, batch = learner(), support()
    scores = maml.predict(maml.adapt(batch, 0), batch.x)
    plain = learner(shared_head=False)
    close(
        scores,
        plain.predict(plain.adapt(batch, 0), batch.x).mean(-1, keepdim=True).expand_as(scores),
    )


@pytest.mark.parametrize(("shared_head", "same"), [(True, True), (False, False)])
def test_predictions_follow_when_classes_are_renumbered(shared_head, same):
    maml, batch = learner(shared_head), support()
    renumber = torch.tensor([2, 0, 1])
    other = Batch(batch.x, renumber[batch.y], batch.mask)
    scores, permuted = (maml.predict(maml.adapt(b), batch.x) for b in (batch, other))
    assert torch.allclose(permuted[..., renumber], scores, rtol=1e-10, atol=1e-10) is same


@pytest.mark.parametrize("optimiser", ["sgd", "momentum"])
def test_the_first_step_is_that_of_the_whole_network(optimiser):
    """The body's gradient is left out as it is 0: the weights are those of steps on everything."""
    maml, batch = (
        qs.MAML(vectors(), 0.1, 3, inner_optimiser=optimiser, shared_head=True).double(),
        support(),
    )
    adapted = maml.adapt(batch)
    model = vectors().double()
    head = list(model.modules())[-1]
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(parameter.mean(0, keepdim=True).expand_as(parameter))
    optimizer = torch.optim.SGD(
        model.parameters(), 0.1, momentum=0.9 if optimiser == "momentum" else 0.0
    )
    body = [
        parameter
        for parameter in model.parameters()
        if all(parameter is not other for other in head.parameters())
    ]
    for step in range(3):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(batch.x[0]), batch.y[0]).backward()
        if step == 0:
            assert all(parameter.grad.abs().max() < 1e-16 for parameter in body)
        optimizer.step()
    close(
        {name: adapted[name][0] for name, _ in model.named_parameters()},
        dict(model.named_parameters()),
    )


def test_any_way_is_served():
    maml = learner()
    batch = Batch.of(
        torch.randn(7, 5, dtype=torch.float64, generator=qs.generator(0, "seven")), torch.arange(7)
    )
    assert maml.any_way
    assert not learner(shared_head=False).any_way
    assert maml.predict(maml.adapt(batch, 100), batch.x).argmax(-1).tolist() == [list(range(7))]


@pytest.mark.parametrize("learner", [qs.MAML, qs.ANIL])
def test_without_steps_a_head_of_prototypes_is_a_prototypical_network(learner):
    model = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3))
    initialise(model, qs.generator(0, "model"))
    maml, batch = learner(model, 0.1, 2, prototype_head=True).double(), support()
    protonet = qs.ProtoNet(model[:2]).double()
    five = Batch(batch.x, torch.tensor([[0, 1, 2, 3, 4, 4]]), batch.mask)
    for task in (batch, five):
        scores = maml.predict(maml.adapt(task, 0), batch.x).softmax(-1)
        close(scores, protonet.predict(protonet.adapt(task), batch.x).softmax(-1))
    assert maml.any_way
    assert (
        maml.predict(maml.adapt(batch), batch.x).softmax(-1)
        - maml.predict(maml.adapt(batch, 0), batch.x).softmax(-1)
    ).abs().max() > 1e-3


def test_one_start_of_the_head_is_chosen():
    with pytest.raises(qs.UserError, match="two ways to start the head"):
        qs.MAML(vectors(), 0.1, shared_head=True, prototype_head=True)
    with pytest.raises(qs.UserError, match="needs a head with a bias"):
        qs.MAML(nn.Linear(5, 3, bias=False), 0.1, prototype_head=True)


def test_a_head_that_is_not_the_end_is_refused():
    model = nn.Sequential(nn.Linear(5, 3), nn.Tanh())
    initialise(model, qs.generator(0, "model"))
    with pytest.raises(qs.UserError, match="should be its end"):
        qs.MAML(model, 0.1, shared_head=True).double().adapt(support())


def test_a_network_without_a_linear_layer_has_no_head():
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Flatten())
    initialise(model, qs.generator(0, "model"))
    with pytest.raises(qs.UserError, match="should end in a linear layer"):
        qs.MAML(model, 0.1, shared_head=True)
