"""CSV files of every separator and encoding are the same cells."""

import pandas as pd
import pytest

import quickstudy as qs
from quickstudy.tasks.tables.asked import Reading
from quickstudy.tasks.tables.carriers import FOUND
from quickstudy.tasks.tables.delimited import layout_of, read_delimited

ROWS = [("name", "x"), ("Zürich", "1,5"), ("a b", "2")]


@pytest.mark.parametrize("separator", [";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_separators_and_encodings_are_found(tmp_path, separator, encoding):
    text = "".join(separator.join(row) + "\r\n" for row in ROWS)
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    found = read_delimited(tmp_path / "t.csv")
    assert found.columns.tolist() == ["name", "x"]
    assert found.to_numpy().tolist() == [list(row) for row in ROWS[1:]]
    told = " ".join(found.attrs[FOUND])
    assert "separated by" in told and ("encoding" in told) == (not encoding.startswith("utf-8"))


def read(path, text: str, asked=None) -> pd.DataFrame:
    (path / "t.csv").write_text(text, encoding="utf-8", newline="")
    return read_delimited(path / "t.csv", *([] if asked is None else [asked]))


def test_cells_are_as_they_are_written(tmp_path):
    found = read(tmp_path, 'a,b\n01,"x, ""y""\nz"\n1.50,\n,NA\n')
    assert found["a"].fillna("<>").tolist() == ["01", "1.50", "<>"]
    assert found["b"].fillna("<>").tolist() == ['x, "y"\nz', "<>", "NA"]
    assert found.attrs[FOUND] == []


def test_rows_that_lack_their_last_cells(tmp_path):
    assert read(tmp_path, "a,b\n1\n2,3\n")["b"].fillna("<>").tolist() == ["<>", "3"]
    with pytest.raises(qs.UserError, match=r"cannot be read|as many cells"):
        read(tmp_path, "a,b\n1,2,3\n")


def test_a_column_that_counts_the_rows_is_left_out(tmp_path):
    found = read(tmp_path, ",a\n0,5\n1,6\n")
    assert found.columns.tolist() == ["a"] and "counts the rows" in found.attrs[FOUND][0]
    assert read(tmp_path, ",a\n7,5\n1,6\n").columns.tolist() == ["", "a"]


def test_what_is_asked_for_holds(tmp_path):
    assert read(tmp_path, "a;b\n1;2\n", Reading(separator=",")).columns.tolist() == ["a;b"]
    (tmp_path / "t.csv").write_bytes("a\né\n".encode("latin-1"))
    assert layout_of(tmp_path / "t.csv").encoding == "cp1252"
    with pytest.raises(qs.UserError, match="cannot be read"):
        read_delimited(tmp_path / "t.csv", Reading(encoding="utf-8"))


def test_one_column_and_text_with_commas(tmp_path):
    assert read(tmp_path, "a\n1\n").columns.tolist() == ["a"]
    found = read(tmp_path, "a;b\n1,5;x, y\n2,5;z\n")
    assert found["a"].tolist() == ["1,5", "2,5"]
