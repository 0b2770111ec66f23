"""Options that are the fields of a dataclass."""

from pathlib import Path

import pytest

from quickstudy.cli.export import ExportOptions
from quickstudy.cli.options import asks_for_help, fields, parse
from quickstudy.errors import UserError


def test_fields_are_read_with_their_texts():
    task, out = fields("quickstudy.cli.export:ExportOptions")
    assert (task.positional, task.text) == (True, "The file that adapt wrote.")
    assert (out.flag, out.default) == ("--out", Path("model.pt2"))
    assert out.text == "The model's file: .pt2 for torch.export, .onnx for ONNX."


def test_parse():
    found = parse(ExportOptions, ["t.qs", "--out", "m.onnx"], "export", "Try.")
    assert found == ExportOptions(Path("t.qs"), Path("m.onnx"))
    with pytest.raises(UserError, match="Argument TASK is needed"):
        parse(ExportOptions, [], "export", "Try.")


def test_other_defaults():
    other = ExportOptions(Path("other.qs"), Path("other.onnx"))
    found = parse(ExportOptions, ["t.qs"], "export", "Try.", default=other)
    assert found.task == Path("t.qs")


def test_help_is_printed(capsys):
    with pytest.raises(SystemExit) as ended:
        parse(ExportOptions, ["--help"], "export", "Try.")
    text = capsys.readouterr().out
    assert ended.value.code == 0 and text.startswith("usage: quickstudy export TASK [OPTIONS]")
    assert "Try." in text and "--out PATH" in text


def test_help_after_two_dashes_is_a_file():
    assert asks_for_help(["r", "-h"]) and not asks_for_help(["r", "--", "-h"])
