"""A new task's files, and what is kept of them for predicting."""

import pytest
from PIL import Image

import quickstudy as qs
from quickstudy.cli.task_files import Task, has_image_below, image_form, images_below
from quickstudy.errors import UserError
from quickstudy.tasks import ImageForm

FORM = ImageForm(28, 1, None)


def draw(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (28, 28), 255).save(path)
    return folder


def test_a_task_is_its_plain_values_again():
    task = Task(("a", "b"), True, columns=("u", "v"), label="kind")
    assert (
        Task(**{**task.to_dict(), "outputs": ("a", "b"), "columns": ("u", "v"), "tasks": ()})
        == task
    )
    assert task.example == (2,) and Task(("a", "b"), True, FORM).example == (1, 28, 28)


def test_images_of_a_class_folder_have_their_class_as_answer(tmp_path):
    draw(tmp_path, "a/0.png", "b/0.png", "unknown/0.png")
    found = Task(("a", "b"), True, FORM).read([tmp_path])
    assert found.truths == [{"class": "a"}, {"class": "b"}, {}]
    assert found.x.shape == (3, 1, 28, 28) and bool((found.x == 1).all())


def test_rows_have_their_column_as_answer(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("u,kind,v\n1,a,2\n3,b,4\n")
    found = Task(("a", "b"), True, columns=("v", "u"), label="kind").read([path, path])
    assert found.truths == [{"kind": "a"}, {"kind": "b"}] * 2
    assert found.x.tolist() == [[2, 1], [4, 3]] * 2
    assert [place["example"] for place in found.places] == [1, 2, 1, 2]


def test_images_below(tmp_path):
    draw(tmp_path, "0.png", "deep/er/1.png")
    assert [path.name for path in images_below(tmp_path)] == ["0.png", "1.png"]
    (tmp_path / "empty").mkdir()
    assert not has_image_below(tmp_path / "empty")
    with pytest.raises(UserError, match=r"should hold images. Found none"):
        images_below(tmp_path / "empty")


def test_the_form_of_a_models_images():
    assert image_form(qs.ProtoNet(qs.models.Conv4(None, channels=2)), "images", None) == FORM
    squares = qs.ProtoNet(qs.models.MLP(28 * 28, None))
    assert image_form(squares, "glyphs", None) == ImageForm(28, 1, "auto")
    with pytest.raises(UserError, match="This one takes 27 numbers"):
        image_form(qs.ProtoNet(qs.models.MLP(27, None)), "glyphs", None)
