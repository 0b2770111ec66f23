"""The whole network."""

from quickstudy.learners.parts import All
from tests.laws.battery import normed


def test_all_names_are_the_models():
    model = normed()
    part = All()
    part.attach(model)
    assert list(part.owned(model)) == [name for name, _ in model.named_parameters()]
