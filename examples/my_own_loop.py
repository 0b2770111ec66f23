"""MAML on sinusoids in a loop of one's own: ``python examples/my_own_loop.py``.

Reads from top to bottom: tasks, learner, loop, a new task. It takes about a minute and prints the
mean squared error of 200 new sinusoids before and after adapting to five points each."""

import torch

import quickstudy as qs

# Tasks: 25 sinusoids a step, each with 10 points to adapt to and 10 to be judged by.
train = qs.tasks.Sinusoid().episodes(shot=10, query=10)
test = qs.tasks.Sinusoid().episodes(shot=5, query=100)

# Learner: an initialisation of a small network, meta-learned through one inner step.
learner = qs.MAML(
    qs.models.MLP(init="truncated_normal"), inner_lr=0.01, inner_steps=1, test_steps=10
)
optimizer = torch.optim.Adam(learner.parameters(), lr=2e-3)

# Loop: the tasks of a step depend on the seed and the step alone.
for step in range(2_000):
    episodes = train.sample(25, qs.Moment(seed=0, purpose="train", step=step))
    optimizer.zero_grad()
    learner.losses(episodes).mean().backward()
    optimizer.step()

# A new family member, mastered from five points; and 200 of them.
result = qs.evaluate(learner, test, num_tasks=200, baselines=False)
after = {steps: estimate.mean for steps, estimate in result.per_step.items()}
print(f"after 0 steps: {after[0]:.2f}, 1 step: {after[1]:.2f}, 10 steps: {after[10]:.2f}")
