"""How a prior over the weights of tasks is learned from sums over their rows."""
