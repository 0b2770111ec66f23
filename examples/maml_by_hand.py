"""MAML's meta-objective in ten lines of ``qs.bilevel``: ``python examples/maml_by_hand.py``.

A learner is a bilevel problem: the inner loss is the support loss, the outer loss the query loss,
and the start of the inner descent is what is outer. It takes a few seconds and prints that loss and
gradient are those of ``qs.MAML``."""

import torch
from torch.func import functional_call, vmap

import quickstudy as qs

model = qs.models.MLP(inputs=1, outputs=1).double()
episodes = (
    qs.tasks.Sinusoid().episodes(shot=5, query=10).sample(25, qs.Moment(seed=0, purpose="example"))
)


# By hand: every tensor has a task axis in front, and so one call solves 25 problems.
def error_on(batch):
    predict = vmap(lambda weights, x: functional_call(model, weights, (x,)))
    return lambda weights, meta: (
        (predict(weights, batch.x.double()) - batch.y.double()).square().mean((1, 2))
    )


theta = dict(model.named_parameters())
start = {name: weight.expand(25, *weight.shape) for name, weight in theta.items()}
by_hand = qs.bilevel.solve(
    error_on(episodes.support), error_on(episodes.query), {}, start, steps=5, lr=0.01
).loss
gradient_by_hand = torch.autograd.grad(by_hand.mean(), list(theta.values()))

# The learner.
learner = qs.MAML(model, inner_lr=0.01, inner_steps=5)
batches = [
    qs.Batch(batch.x.double(), batch.y.double(), batch.mask)
    for batch in (episodes.support, episodes.query)
]
losses = learner.losses(qs.Episode(*batches, episodes.task))
gradient = torch.autograd.grad(losses.mean(), list(theta.values()))

torch.testing.assert_close(by_hand, losses)
torch.testing.assert_close(gradient_by_hand, gradient)
both = zip(gradient_by_hand, gradient, strict=True)
most = max((a - b).abs().max() for a, b in both)
print(f"mean loss by hand {by_hand.mean():.6f}, qs.MAML's {losses.mean():.6f}")
print(f"gradients differ by at most {most:.0e}")
