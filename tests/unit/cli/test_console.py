"""What the command line says beside its results."""

from quickstudy.cli.console import say


def test_a_line_is_printed_as_it_is_on_standard_error(capsys):
    line = "[bold]100 %[/bold] of " + "long " * 60
    say(line)
    assert capsys.readouterr() == ("", f"{line}\n")
