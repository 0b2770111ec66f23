"""Help fits the terminal and says defaults in words."""

import pytest

from quickstudy.cli.help import listed, option_entry, page
from quickstudy.cli.kind import Kind
from quickstudy.cli.option import Option


@pytest.mark.parametrize(
    ("option", "text"),
    [
        (Option("way", Kind(int), 5, "Classes."), "  --way INT\n      Classes (default: 5)"),
        (
            Option("test_steps", Kind(int, optional=True), None, "Steps; by default as many as."),
            "  --test-steps INT\n      Steps (default: as many as)",
        ),
        (Option("json", Kind(bool), False, "Print."), "  --json\n      Print"),
        (Option("all", Kind(bool), True, "All."), "  --all, --no-all\n      All (default: on)"),
        (Option("hidden", Kind(int, size=0), (4, 4)), "  --hidden INT ...\n      (default: 4 4)"),
        (Option("run", Kind(str), positional=True, text="A run."), "  RUN\n      A run"),
        (Option("root", Kind(str), text="A folder."), "  --root TEXT\n      A folder (needed)"),
        (
            Option("mapping", Kind(str, choices=("auto",), also=int), "auto"),
            "  --mapping auto|INT\n      (default: auto)",
        ),
    ],
)
def test_entries(option, text):
    assert option_entry(option) == text


@pytest.mark.parametrize("columns", ["50", "80", "200"])
def test_pages_fit_the_terminal(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    options = [
        Option("lr", Kind(float), 0.1, "A rate. " * 20, "training"),
        Option("way", Kind(int), 5, "Classes.", "task"),
    ]
    text = page("train maml", "Learn to learn. " * 10, options, ["quickstudy train maml"])
    assert max(map(len, text.splitlines())) <= min(int(columns), 100)
    assert text.index("examples:") < text.index("training:") < text.index("task:")
    assert max(map(len, listed({"maml": "Learn. " * 30}).splitlines())) <= min(int(columns), 100)
