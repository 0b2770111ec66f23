"""Bilevel problems with known answers, and networks to compare the outer gradients on."""

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

import quickstudy as qs

FEATURES = 4


def drawn(*shape: int, name: str = "data") -> Tensor:
    return torch.randn(*shape, generator=qs.generator(0, name), dtype=torch.float64)


def weighted(losses: Tensor) -> Tensor:
    """A sum in which every task counts differently."""
    return losses if losses.ndim == 0 else (losses * torch.arange(1, len(losses) + 1)).sum()


class Ridge:
    """Ridge regression with a penalty for every feature, and the mean squared error on other data.

    ``ℓ(w, r) = ‖Xw − y‖²/n + Σ exp(r) w²``, for one task or several.
    """

    def __init__(self, tasks: tuple[int, ...] = ()) -> None:
        self.x, self.y = drawn(*tasks, 12, FEATURES), drawn(*tasks, 12, name="y")
        self.other_x = drawn(*tasks, 9, FEATURES, name="other")
        self.other_y = drawn(*tasks, 9, name="other y")
        self.start = {"w": torch.zeros(*tasks, FEATURES, dtype=torch.float64)}
        penalty = torch.tensor([-1.0, 0.0, -0.5, 0.3], dtype=torch.float64)
        self.meta = {"r": penalty.requires_grad_()}

    @staticmethod
    def error(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
        return ((x @ w.unsqueeze(-1)).squeeze(-1) - y).square().mean(-1)

    def inner(self, weights: dict, meta: dict) -> Tensor:
        penalty = (meta["r"].exp() * weights["w"].square()).sum(-1)
        return self.error(self.x, self.y, weights["w"]) + penalty

    def outer(self, weights: dict, meta: dict) -> Tensor:
        return self.error(self.other_x, self.other_y, weights["w"]) + 0.1 * meta["r"].square().sum()

    def solve(self, steps: int, lr: float, outer_gradient: str, **options) -> qs.bilevel.Solution:
        return qs.bilevel.solve(
            self.inner, self.outer, self.meta, self.start, steps, lr, outer_gradient, **options
        )

    def exact(self) -> tuple[Tensor, Tensor]:
        """The outer loss at the optimum ``w* = (XᵀX/n + diag exp r)⁻¹ Xᵀy/n``, and ``w*``."""
        n = self.x.shape[-2]
        hessian = self.x.mT @ self.x / n + self.meta["r"].exp().diag()
        optimum = torch.linalg.solve(hessian, (self.x.mT @ self.y.unsqueeze(-1)).squeeze(-1) / n)
        return self.outer({"w": optimum}, self.meta), optimum

    def exact_gradient(self) -> Tensor:
        return torch.autograd.grad(weighted(self.exact()[0]), self.meta["r"])[0]


class Network:
    """A small tanh network for every task. Its start and a decay of every weight are outer."""

    def __init__(self, decay: float = -2.0, tasks: int = 3) -> None:
        self.model = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 1)).double()
        qs.models.initialise.initialise(self.model, qs.generator(0, "model"))
        self.x, self.y = drawn(tasks, 6, 2), drawn(tasks, 6, 1, name="y")
        self.theta = {n: w.detach().requires_grad_() for n, w in self.model.named_parameters()}
        self.centre = {name: weight.detach().clone() for name, weight in self.theta.items()}
        self.meta = {
            name: torch.full_like(weight, decay).requires_grad_()
            for name, weight in self.theta.items()
        }
        self.start = {name: w.expand(tasks, *w.shape) for name, w in self.theta.items()}

    def errors(self, weights: dict, x: Tensor) -> Tensor:
        apply = vmap(lambda own, x: functional_call(self.model, own, (x,)))
        return (apply(weights, x) - self.y).square().mean((1, 2))

    def inner(self, weights: dict, meta: dict) -> Tensor:
        decay = [
            (meta[name].exp() * (weight - self.centre[name]).square()).flatten(1).sum(1)
            for name, weight in weights.items()
        ]
        return self.errors(weights, self.x) + sum(decay)

    def outer(self, weights: dict, meta: dict) -> Tensor:
        return self.errors(weights, self.x.flip(0))

    @property
    def tensors(self) -> list[Tensor]:
        """The decays, then the start."""
        return [*self.meta.values(), *self.theta.values()]


def gradients_of(
    outer_gradient: str, steps: int = 6, lr: float | Tensor = 0.1, decay: float = -2.0, **options
) -> list[Tensor]:
    """The losses of the network, their gradient by its tensors and the rate, and the weights."""
    net = Network(decay)
    solution = qs.bilevel.solve(
        net.inner, net.outer, net.meta, net.start, steps, lr, outer_gradient, **options
    )
    wanted = net.tensors + ([lr] if isinstance(lr, Tensor) else [])
    loss = weighted(solution.loss)
    found = torch.autograd.grad(loss, wanted, allow_unused=True, materialize_grads=True)
    return [solution.loss.detach(), *found, *solution.weights.values()]


NUM_DECAYS = 4
NUM_OUTER = 8
"""How many of the gradients after the losses are by decays, and by decays and the start."""
