"""``quickstudy list``."""

import pytest

from quickstudy.cli import catalog
from quickstudy.cli.listing import main
from quickstudy.errors import UserError


def test_each_table_has_its_title_and_a_line_for_each_name(capsys):
    assert main([]) == 0
    text = capsys.readouterr().out
    for kind in catalog.TABLES:
        part = text.split(f"{kind}:\n")[1]
        for name, line in catalog.summaries(kind).items():
            assert f"  {name} " in part and line.split()[0] in part


def test_it_has_no_options():
    with pytest.raises(UserError, match="--all"):
        main(["--all"])
