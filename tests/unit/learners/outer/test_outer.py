"""An outer gradient of a user's own."""

from quickstudy.learners import Assembled
from quickstudy.learners.outer import Outer
from quickstudy.learners.parts import All
from quickstudy.learners.steps import Descent
from tests.unit.learners.slope import EPISODE, RATE, loss_and_gradients, slope


class Size(Outer):
    """Descend the square of the start, whatever the task."""

    def losses(self, learner, meta, episodes):
        return meta["model.weight"].square().sum().expand(episodes.num_tasks)


def test_training_descends_the_losses_of_the_outer_gradient():
    learner = Assembled(slope(3.0), All(), Descent(RATE), Size(), 1)
    assert loss_and_gradients(learner) == (9, {"model.weight": 6})


def test_by_default_it_goes_with_every_learner_and_compiles():
    outer = Size()
    assert outer.uncompiled() is None
    assert not (outer.moves_averages or outer.keeps_states)
    learner = Assembled(slope(3.0), All(), Descent(RATE), outer, 1)
    meta, losses = learner.pure_losses()
    assert losses({name: 2 * value for name, value in meta.items()}, EPISODE).tolist() == [36]
