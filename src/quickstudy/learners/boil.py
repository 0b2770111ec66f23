"""BOIL: the body of the network adapts, its head does not."""

from quickstudy.learners.initialisation import InitialisationLearner
from quickstudy.learners.parts import Body


class BOIL(InitialisationLearner):
    """MAML whose inner steps change all but the last linear layer: representations change, the head
    is meta-learned and stays.
    """

    adapts = Body


__all__ = ["BOIL"]
