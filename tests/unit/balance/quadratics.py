"""Tasks whose gradients are known by hand, for the tests of balancers."""

import torch
from torch import Tensor, nn

import quickstudy as qs


class Quadratics(qs.Learner):
    """Task ``t`` has the loss ``scale_t ‖θ − centre‖² / 2``, its centre the mean of its queries; 0
    where it has none."""

    test_steps = 0

    def __init__(self, scales: list[float], start: list[float]) -> None:
        super().__init__()
        self.theta, self.scales = nn.Parameter(torch.tensor(start)), torch.tensor(scales)

    def losses(self, episodes: qs.Episode) -> Tensor:
        query = episodes.query
        centre = (query.x * query.mask.unsqueeze(-1)).sum(1) / query.mask.sum(
            1, keepdim=True
        ).clamp(min=1)
        return (
            0.5
            * self.scales[episodes.task]
            * (self.theta - centre).square().sum(1)
            * (query.mask > 0).any(1)
        )

    def trajectory(self, support, steps):
        raise NotImplementedError

    def scores(self, adapted, x):
        raise NotImplementedError


class Centres(qs.tasks.TaskSource):
    """The tasks with these centres ``[task, 2]``, some of them or all, in any order."""

    target = qs.targets.Numbers((1,))

    def __init__(self, centres: list[list[float]]) -> None:
        self.centres = torch.tensor(centres)

    def of(self, tasks: list[int], present: list[bool] | None = None) -> qs.Episode:
        x = self.centres[tasks].unsqueeze(1)
        mask = torch.tensor([present or [True] * len(tasks)], dtype=x.dtype).T
        batch = qs.Batch(x, x[..., :1], mask)
        return qs.Episode(batch, batch, torch.tensor(tasks))

    def sample(self, num_tasks: int, moment: qs.Moment) -> qs.Episode:
        order = torch.randperm(len(self.centres), generator=moment.generator())
        return self.of(order[:num_tasks].tolist())

    def describe(self) -> dict[str, object]:
        return {}


def after(balancer: object, learner: Quadratics, *episodes: qs.Episode) -> tuple[Tensor, Tensor]:
    """The gradient of ``θ`` in the last of some steps that leave ``θ`` where it is, and what the
    balancer remembers then."""
    for index, episode in enumerate(episodes):
        learner.zero_grad()
        step = qs.balance.OuterStep(learner, episode.at(qs.Moment(0, "train", index)), 0.1)
        with qs.random.ambient(0, "layers", index):
            qs.balance.descend(balancer, learner.losses(episode), step)
    return learner.theta.grad.clone(), torch.cat(
        [value.flatten() for value in qs.balance.state_of(balancer).values()] or [torch.empty(0)]
    )
