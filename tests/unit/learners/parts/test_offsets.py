"""What training tasks learn apart from each other."""

import torch

from quickstudy.learners.parts import All, Offsets, Shared, Tasks
from tests.laws.battery import Case, close, vectors

SUPPORT = Case("vectors", "vectors", lambda: None).episodes().support


def made(**options):
    model, part = vectors().double(), Offsets(All(), 4, **options)
    part.attach(model)
    part.double()
    with torch.no_grad():
        for offset in part.offsets:
            offset += torch.randn(offset.shape, generator=torch.Generator().manual_seed(0))
    return part, Shared(model, dict(model.named_parameters()))


def test_a_training_task_has_its_offset_and_a_new_one_has_none():
    part, shared = made(penalty=0.0)
    known = torch.tensor([2, 0, 2])
    of_known, of_new = (
        part.start(shared, Tasks(SUPPORT, None, known)),
        part.start(shared, Tasks(SUPPORT)),
    )
    for offset, name in zip(part.offsets, shared.weights, strict=True):
        close(of_known[name] - of_new[name], offset[known])


def test_the_penalty_is_half_the_squared_offsets():
    part, shared = made(penalty=0.3)
    squares = [sum(o[t].square().sum() for o in part.offsets) for t in (1, 3)]
    close(part.penalty(shared, torch.tensor([1, 3])), 0.15 * torch.stack(squares))


def test_shares_of_all_tasks_sum_to_the_trace_norm():
    part, shared = made(penalty=2.0, relation="trace")
    every = [(w + o).flatten(1) for w, o in zip(shared.weights.values(), part.offsets, strict=True)]
    norm = sum(torch.linalg.matrix_norm(weights, "nuc") for weights in every)
    close(part.penalty(shared, torch.arange(4)).sum(), 2 * norm)


def test_without_a_penalty_there_is_none():
    part, shared = made(penalty=0.0)
    assert part.penalty(shared, torch.arange(4)) is None
