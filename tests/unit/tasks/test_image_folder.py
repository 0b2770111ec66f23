"""Which class and which split an image file is of."""

import pytest

import quickstudy as qs
from quickstudy.tasks import Images
from quickstudy.tasks.image_folder import ImageFolder
from tests.unit.tasks.test_images import saved


def folder_of(tmp_path, names):
    for name in names:
        for i in range(2):
            saved(tmp_path / "mine" / name / f"{i}.png")
    return tmp_path / "mine"


def test_folders_of_splits_are_respected(tmp_path):
    folder = folder_of(tmp_path, ["train/a", "train/b", "train/c", "val/d", "test/e", "test/f"])
    images = Images(folder)
    assert images.split("train").names == ("a", "b", "c")
    assert images.split("validation").names == ("d",) and images.split("test").names == ("e", "f")
    assert "3 to train, 1 to validate, 2 to test. Divided by the folders" in images.notes()[1]


def test_classes_called_train_and_test_are_classes(tmp_path):
    assert Images(folder_of(tmp_path, ["train", "test", "ship"])).pool.num_classes == 3
    assert ImageFolder.read(folder_of(tmp_path / "two", ["train", "test"])).splits == {}


def test_without_validation_there_is_no_such_split(tmp_path):
    images = Images(folder_of(tmp_path, ["train/a", "train/b", "test/c", "test/d"]))
    assert images.split_names == ("train", "test") and images.validation(way=2, shot=1) is None
    with pytest.raises(qs.UserError, match="'validation' should have at least one class"):
        images.split("validation")


def test_a_file_says_the_splits_of_classes(tmp_path):
    folder = folder_of(tmp_path, "abcd")
    (tmp_path / "s.csv").write_text("class,split\na,test\nb,train\nc,val\n")
    images = Images(folder, splits=tmp_path / "s.csv")
    assert [images.split(name).names for name in ("train", "validation", "test")] == [
        ("b",),
        ("c",),
        ("a",),
    ]
    assert sorted(path.parent.name for path in images.skipped) == ["d", "d"]
    assert "Divided by" in images.notes()[1] and "s.csv" in images.notes()[1]


def test_a_file_says_the_splits_of_images(tmp_path):
    folder = folder_of(tmp_path, "ab")
    (tmp_path / "s.csv").write_text("filename,split\na/0.png,test\nb/0.png,train\nb/1.png,train\n")
    images = Images(folder, splits=tmp_path / "s.csv")
    assert images.split("test").size.tolist() == [1] and images.split("train").size.tolist() == [2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "class,part\na,train\n",
            "a column split and a column class or filename. Found class, part",
        ),
        ("class,split\na,learn\n", r"should hold train, validation, test\. Found \['learn'\]"),
        ("class,split\na,train\nz,test\n", r"name classes that .* has\. Found \['z'\]"),
        ("filename,split\na/0.png,train\na/1.png,test\n", "every class into one split"),
        ("", "Found no rows"),
    ],
)
def test_a_file_of_splits_that_is_wrong(tmp_path, text, message):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(qs.UserError, match=message):
        Images(folder_of(tmp_path, "ab"), splits=tmp_path / "s.csv")


def test_a_file_of_splits_that_is_missing(tmp_path):
    with pytest.raises(qs.UserError, match="There is no file"):
        Images(folder_of(tmp_path, "ab"), splits=tmp_path / "s.csv")


def test_a_class_in_two_splits_is_refused(tmp_path):
    with pytest.raises(qs.UserError, match="class 'a' in 'train' and 'test'"):
        Images(folder_of(tmp_path, ["train/a", "train/b", "test/a"]))


def test_too_few_images_name_the_class(tmp_path):
    folder = folder_of(tmp_path, "ab")
    saved(folder / "b" / "2.png")
    with pytest.raises(qs.UserError, match="shot=2, query=1, 2 examples of class 'a'"):
        Images(folder, fractions=(1, 0, 0)).tasks("train", way=2, shot=2, query=1)
