"""Laws about what a learner leaves alone, and what it repeats."""

import pytest
import torch

from tests.laws.battery import CASES, answers, gradients, tensors

every_case = pytest.mark.parametrize("case", CASES, ids=str)


@every_case
def test_inputs_are_never_mutated(case):
    learner, episodes = case.learner(), case.episodes()
    before = [tensor.clone() for tensor in tensors(episodes)]
    gradients(learner, episodes)
    adapted = learner.adapt(episodes.support)
    state = {name: value.clone() for name, value in adapted.items()}
    learner.predict(adapted, episodes.query.x)
    assert all(
        torch.equal(a.nan_to_num(), b.nan_to_num())
        for a, b in zip(tensors(episodes), before, strict=True)
    )
    assert adapted.keys() == state.keys() and all(
        torch.equal(adapted[name], state[name]) for name in state
    )


@every_case
@pytest.mark.parametrize("training", [True, False])
def test_adapting_and_predicting_leave_the_learner_bit_identical(case, training):
    learner, episodes = case.learner().train(training), case.episodes()
    part = next(learner.model.modules())
    part.training = not part.training  # an odd mode is put back as well
    before = {name: value.clone() for name, value in learner.state_dict().items()}
    modes, random = [module.training for module in learner.modules()], torch.get_rng_state()
    answers(learner, episodes)
    after = learner.state_dict()
    assert after.keys() == before.keys() and all(
        torch.equal(after[name], before[name]) for name in before
    )
    assert [module.training for module in learner.modules()] == modes
    assert torch.equal(torch.get_rng_state(), random)
    assert all(parameter.grad is None for parameter in learner.parameters())


@every_case
def test_what_was_adapted_shares_no_memory_with_the_learner(case):
    learner, episodes = case.learner(), case.episodes()
    before = {name: value.clone() for name, value in learner.state_dict().items()}
    for steps in (0, 1):
        for value in learner.adapt(episodes.support, steps).values():
            assert not value.requires_grad
            value.zero_()
    assert all(torch.equal(value, before[name]) for name, value in learner.state_dict().items())


@every_case
def test_losses_leave_parameters_and_the_global_generator_alone(case):
    learner, episodes = case.learner(), case.episodes()
    before, random = (
        [parameter.clone() for parameter in learner.parameters()],
        torch.get_rng_state(),
    )
    gradients(learner, episodes)
    assert all(torch.equal(a, b) for a, b in zip(learner.parameters(), before, strict=True))
    assert torch.equal(torch.get_rng_state(), random)


@every_case
def test_the_same_seed_gives_the_same_bits(case):
    runs = []
    for _ in range(2):
        learner, episodes = case.learner(torch.float32), case.episodes(torch.float32)
        losses, grads = gradients(learner, episodes)
        runs.append([losses, *grads.values(), answers(learner, episodes)])
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))


DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


@every_case
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("device", DEVICES)
def test_dtype_and_device_are_those_of_the_inputs(case, dtype, device):
    learner, episodes = case.learner(dtype).to(device), case.episodes(dtype).to(device)
    losses = learner.losses(episodes)
    losses.sum().backward()
    adapted = learner.adapt(episodes.support)
    made = [
        losses,
        learner.predict(adapted, episodes.query.x),
        *(p.grad for p in learner.parameters() if p.grad is not None),
    ]
    made += [value for value in adapted.values() if value.dtype.is_floating_point]
    assert {(tensor.dtype, tensor.device.type) for tensor in made} == {(dtype, device)}
    assert losses.shape == (episodes.num_tasks,)
