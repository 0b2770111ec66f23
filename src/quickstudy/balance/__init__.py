"""How many losses make a step."""

from quickstudy.balance.balancer import Balancer, descend, mean, parameters_of, remembers_elsewhere

__all__ = ["Balancer", "descend", "mean", "parameters_of", "remembers_elsewhere"]
