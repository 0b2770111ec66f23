"""The style sheet is whole, needs nothing outside, and knows every class that pages use."""

import inspect
import re

from quickstudy.reporting import ladder_page, markup, page, relatedness_page
from quickstudy.reporting.css import CSS


def test_every_block_is_closed_and_every_rule_ends():
    depth = 0
    for mark in re.findall(r"[{}]", CSS):
        depth += 1 if mark == "{" else -1
        assert depth in (0, 1, 2)
    assert depth == 0
    for block in re.findall(r"{([^{}]*)}", CSS):
        rules = [rule for rule in block.split(";") if rule.strip()]
        assert block.rstrip().endswith(";") and all(rule.count(":") == 1 for rule in rules)


def test_colours_have_names_that_are_defined_light_and_dark():
    used = set(re.findall(r"var\((--\w+)\)", CSS))
    assert used == {"--ink", "--soft", "--paper", "--card", "--line", "--accent"}
    assert all(CSS.count(f"{name}:") >= 2 for name in used)
    assert "url(" not in CSS and "@import" not in CSS


def test_the_classes_of_the_pages_are_styled():
    code = "".join(map(inspect.getsource, (markup, page, ladder_page, relatedness_page)))
    for name in ("result", "number", "soft", "white", "wide", "scroll", "settings", "n", "own"):
        assert f".{name}" in CSS and f'"{name}"' in code
