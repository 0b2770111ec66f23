"""An option: its type, its words, and the value of its words."""

from collections.abc import Callable
from pathlib import Path

from quickstudy.cli.kind import Kind
from quickstudy.cli.option import Option, option_of
from quickstudy.cli.reader import Parameter


def test_usage_and_default():
    option = Option("num_tasks", Kind(int, size=0), (1, 2))
    assert (option.flag, option.usage) == ("--num-tasks", "--num-tasks INT ...")
    assert option.default_text == "default: 1 2"
    switch = Option("bar", Kind(bool), True)
    assert (switch.usage, switch.default_text) == ("--bar, --no-bar", "default: on")
    place = Option("run", Kind(Path), positional=True)
    assert (place.usage, place.default_text) == ("RUN", "")
    assert Option("root", Kind(Path)).default_text == "needed"


def test_a_parameter_that_no_word_can_give_has_no_option():
    assert option_of(Parameter("f", Callable[[int], int], None, ""), "data") is None
