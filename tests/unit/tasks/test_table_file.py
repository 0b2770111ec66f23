"""CSV files: what they hold, or what is wrong with them."""

import pytest
import torch

from quickstudy.errors import UserError
from quickstudy.tasks.table_file import TableFile


def test_columns_by_name(tmp_path):
    (tmp_path / "t.csv").write_bytes(
        '\ufeffa, b ,kind\r\n1,2.5,x y\r\n\r\n-3e2,0,"z,1"\r\n'.encode()
    )
    table = TableFile.read(tmp_path / "t.csv")
    assert table.columns == ("a", "b", "kind") and table.cells("kind") == ["x y", "z,1"]
    assert torch.equal(table.numbers(["b", "a"]), torch.tensor([[2.5, 1.0], [0.0, -300.0]]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Found 0 lines"),
        (b"a,b\n", "at least one example. Found 1 lines"),
        (b"1,2\n3,4\n", "first line of .* should name the columns. Found numbers: 1, 2"),
        (b"a,a\n1,2\n", r"names of their own. Found \['a'\] twice"),
        (b"a,b\n1,2\n3\n", "Line 3 of .* should have 2 cells, as the first. Found 1"),
        (b"a,b\n1,nan\n", r"Column 'b' of .* should hold finite numbers. Found \['nan'\]"),
        (b"a,b\n1,two\n", r"Found \['two'\]"),
        (b"a,b\n1,2\n1,\n", r"no empty cell. Found one in example \[2\]"),
        (b"a,c\n1,2\n", "should have a column 'b'. Found a, c"),
        (b"a,b\n\x81\xff,1\n", "cannot be read"),
    ],
)
def test_a_table_that_is_wrong(tmp_path, content, message):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(UserError, match=message):
        TableFile.read(tmp_path / "t.csv").numbers(["a", "b"])


def test_a_table_that_is_not_there(tmp_path):
    for path, found in ((tmp_path, "no file"), (tmp_path / "t.csv", "nothing there")):
        with pytest.raises(UserError, match=f"should be a CSV file. Found {found}"):
            TableFile.read(path)


def test_separators_and_decimal_commas_are_found(tmp_path):
    (tmp_path / "t.csv").write_text("a;b\n1,5;2\n-0,25;3\n")
    table = TableFile.read(tmp_path / "t.csv")
    assert table.columns == ("a", "b")
    assert table.numbers(["a", "b"]).tolist() == [[1.5, 2], [-0.25, 3]]
