"""How many losses make a step."""

from quickstudy.balance.balancer import Balancer, mean

__all__ = ["Balancer", "mean"]
