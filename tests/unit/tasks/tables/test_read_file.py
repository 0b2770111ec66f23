"""Files of tables by their ending."""

import pandas as pd
import pytest

import quickstudy as qs
from quickstudy.tasks.tables.carriers import is_written
from quickstudy.tasks.tables.read_file import read_table


def test_cells_of_csv_are_text_and_those_of_parquet_typed(tmp_path):
    frame = pd.DataFrame({"a": [1, 2]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    cells, typed = read_table(tmp_path / "t.csv"), read_table(tmp_path / "t.parquet")
    assert is_written(cells) and cells["a"].tolist() == ["1", "2"]
    assert not is_written(typed) and typed["a"].tolist() == [1, 2]


def test_what_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("a,a\n1,2\n")
    with pytest.raises(qs.UserError, match=r"names of their own. Found \['a'\] twice"):
        read_table(tmp_path / "t.csv")
    with pytest.raises(qs.UserError, match="Found nothing there"):
        read_table(tmp_path / "none.csv")
