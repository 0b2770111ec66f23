"""A schema is decided by training, and reads later files and frames of any dtype alike."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import quickstudy as qs
from quickstudy.tasks.encoder import Encoder
from quickstudy.tasks.table_form import TableForm
from quickstudy.tasks.tables.asked import Reading
from quickstudy.tasks.tables.column_names import check_names
from quickstudy.tasks.tables.read_file import read_table
from quickstudy.tasks.tables.schema import Schema

TRAIN = (
    "shop,price,code,flag,when,sold\n"
    "1,5,1,true,2020-01-01,3\n"
    "1,NA,2,false,2020-01-02,4\n"
    "2,1.5,A,,2020-01-05,5\n"
    "A7,2,1,true,,6\n"
)
FEATURES = ("price", "code", "flag", "when")


@pytest.fixture
def file(tmp_path):
    def write(text: str):
        (tmp_path / "t.csv").write_text(text)
        return tmp_path / "t.csv"

    return write


def schema_of(frame: pd.DataFrame, **options) -> Schema:
    return Schema.infer(frame, FEATURES, {"sold": "regression"}, "shop", **options)


def test_kinds_are_decided_and_told(file):
    schema = schema_of(read_table(file(TRAIN)))
    kinds = {column.name: column.kind for column in schema.columns}
    assert kinds == {
        "shop": "category",
        "sold": "number",
        "price": "number",
        "code": "category",
        "flag": "truth value",
        "when": "date",
    }
    lines = schema.lines()
    assert lines[0].split() == ["column", "read", "as", "why", "missing"]
    assert lines[3].split() == ["price", "number", "numbers", "1"] and len(lines) == 7


def test_it_is_kept_and_reads_later_files_and_frames(file):
    train = read_table(file(TRAIN))
    schema = Schema.from_dict(json.loads(json.dumps(schema_of(train).to_dict())))
    assert schema == schema_of(train) and Schema.from_dict({}) == Schema()
    expected = schema.apply(train)
    again = schema.apply(expected)
    pd.testing.assert_frame_equal(again, expected)
    typed = pd.DataFrame(
        {
            "shop": pd.Series([1, 1.0, "2", "A7"], dtype=object),
            "price": pd.array([5, None, 1.5, 2], dtype=pd.ArrowDtype(pa.float32())),
            "code": pd.Series(["1.0", 2, "A", 1], dtype=object),
            "flag": pd.array([True, False, None, True], dtype="boolean"),
            "when": pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-05", None]),
            "sold": [3, 4, 5, 6],
        }
    )
    found = schema.apply(typed)
    for name in expected:
        assert found[name].astype(object).where(found[name].notna(), None).tolist() == (
            expected[name].astype(object).where(expected[name].notna(), None).tolist()
        )
    encoder = Encoder.fit(train, FEATURES, schema)
    np.testing.assert_array_equal(encoder(typed), encoder(train))


def test_a_file_that_lacks_a_spelling_is_read_alike(file):
    train = read_table(file(TRAIN))
    encoder = Encoder.fit(train, FEATURES)
    expected = encoder(train)[[0, 1]]
    for cells in (
        "5,1,true,2020-01-01\n,2,FALSE,2020-01-02",
        "5.0,1,True,2020-01-01\n?,2,0,2020-01-02",
    ):
        later = read_table(file(f"price,code,flag,when\n{cells}\n"))
        np.testing.assert_array_equal(encoder(later), expected)


def test_what_is_asked_for(file):
    train = read_table(file(TRAIN))
    asked = Reading(kinds={"price": "category", "when": "ignore"}, missing=("A7", "A"))
    schema = schema_of(train, asked=asked)
    assert schema.by_name["price"].kind == "category" and schema.ignored == {"when"}
    assert schema.by_name["shop"].empty == 1 and "when" not in schema.apply(train)
    asked = Reading(decimal=",")
    text = "shop,price,code,flag,when,sold\n1,2.500,1,1,1,1\n2,3.000,1,1,1,1\n"
    german = schema_of(read_table(file(text), asked), asked=asked)
    assert german.by_name["price"].read(pd.Series(["2.500"])).tolist() == [2500]


def test_one_column_with_decimal_commas_decides_for_all(file):
    text = "shop;price;code;flag;when;sold\n1;1.500;1,5;1;1;2\n2;2.000;2,5;1;1;3\n"
    frame = read_table(file(text))
    read = schema_of(frame).apply(frame)
    assert read["price"].tolist() == [1500, 2000] and read["code"].tolist() == [1.5, 2.5]


def test_labels_and_tasks_may_be_called_none(tmp_path, file):
    text = "shop,x,kind\n" + "".join(
        f"{shop},{i},{kind}\n"
        for i, (shop, kind) in enumerate([("NA", "None"), ("nan", "nan")] * 3 + [("NA", "")])
    )
    made = qs.tasks.Table(file(text), "shop", "kind", "classification")
    assert made.names == ("NA", "nan") and made.classes == ("None", "nan")
    assert made.num_unlabelled == 1
    said = qs.tasks.Table(file(text), "shop", "x", missing=["None"], columns={"kind": "category"})
    assert said.whole().encoder.names == ("kind=nan",)


def test_a_target_of_text_is_refused(file):
    with pytest.raises(qs.UserError, match="Column 'code' should hold numbers to be predicted"):
        Schema.infer(read_table(file(TRAIN)), (), {"code": "regression"})


def test_names_are_text_and_single():
    assert check_names(pd.DataFrame({0: [1], "a": [2]})).columns.tolist() == ["0", "a"]
    with pytest.raises(qs.UserError, match=r"Found \['0'\] twice"):
        check_names(pd.DataFrame([[1, 2]], columns=[0, "0"]))


def test_a_run_without_a_schema_still_reads(file):
    """Before there were schemas, an encoder was a list of columns."""
    old = [
        {"name": "price", "mean": 1.0, "scale": 2.0, "missing": False, "categories": []},
        {"name": "code", "mean": 0.0, "scale": 1.0, "missing": False, "categories": ["1", "A"]},
    ]
    form = TableForm.from_dict(
        {"encoder": old, "targets": ["sold"], "mean": [0.0], "scale": [1.0], "classes": []}
    )
    frame = read_table(file(TRAIN))
    assert form.inputs(frame).tolist()[::2] == [[2, 1, 0], [0.25, 0, 1]]
    assert form.outputs(frame)[:, 0].tolist() == [3, 4, 5, 6]
