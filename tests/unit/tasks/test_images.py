"""Folders of images: the same pixels as the sources that models are trained on, whatever the files
are like."""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import quickstudy as qs
from quickstudy.tasks import ImageForm, Images, Omniglot
from quickstudy.tasks.arrays import SPLITS
from tests.unit.tasks.test_omniglot import make_tree

DRAWING = np.zeros((28, 28), np.uint8)
DRAWING[9:20, 4:12] = np.arange(88).reshape(11, 8) + 160  # ink 160 to 247 on 0
DARK = 255 - DRAWING


def saved(path, pixels=DARK, mode="L", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).convert(mode).save(path, **options)
    return path


def transparent(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    # black ink, nothing around it
    Image.fromarray(np.stack([np.zeros_like(DRAWING)] * 3 + [DRAWING], -1), "RGBA").save(path)


def deep(path):
    Image.fromarray(DARK.astype(np.uint16) * 257).save(path)


def turned(path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise when shown
    saved(path, np.rot90(DARK), exif=exif)


WRITERS = {
    "grey": saved,
    "colour": lambda path: saved(path, mode="RGB"),
    "palette": lambda path: saved(path, mode="P"),
    "bmp": lambda path: saved(path, format="BMP"),
    "tiff": lambda path: saved(path, format="TIFF"),
    "transparent": transparent,
    "16 bits": deep,
    "turned by a camera": turned,
}


@pytest.mark.parametrize("writer", WRITERS)
def test_ink_is_as_drawn_whatever_the_file_is_like(tmp_path, writer):
    WRITERS[writer](tmp_path / "a.png")
    pixels, inverted = ImageForm(ink="auto").read(tmp_path / "a.png")
    assert inverted and pixels.shape == (1, 28, 28) and np.array_equal(pixels[0], DRAWING)


@pytest.mark.parametrize(
    ("ink", "dark", "light"), [("auto", 1, 1), ("dark", 1, 0), ("light", 0, 1), (None, 0, 1)]
)
def test_which_images_are_inverted(tmp_path, ink, dark, light):
    form = ImageForm(ink=ink)
    for pixels, right in ((DARK, dark), (DRAWING, light)):
        found, _ = form.read(saved(tmp_path / "a.png", pixels))
        assert np.array_equal(found[0], DRAWING if right else 255 - DRAWING)


def test_an_omniglot_folder_gives_omniglots_pixels(tmp_path):
    root = make_tree(tmp_path / "omniglot")
    test = Omniglot(root, tmp_path / "cache", validation_alphabets=1).split("test")
    mine = Images(root / "images_evaluation" / "ULOG", ink="auto")
    assert torch.equal(mine.pool.x[:, 0], test.x) and mine.num_inverted == len(test.x)
    assert torch.equal(mine.pool.size, test.size) and mine.pool.names == (
        "character01",
        "character02",
    )


def test_an_image_that_is_no_square_is_padded_with_its_border_and_not_stretched(tmp_path):
    wide = np.full((10, 30), 200, np.uint8)
    wide[2:8, 12:18] = 0
    pixels, _ = ImageForm(size=30).read(saved(tmp_path / "a.png", wide))
    assert (
        np.array_equal(pixels[0, 10:20], wide)
        and (pixels[0, :10] == 200).all()
        and (pixels[0, 20:] == 200).all()
    )
    tall, _ = ImageForm(size=30).read(saved(tmp_path / "b.png", wide.T.copy()))
    assert np.array_equal(tall[0], pixels[0].T)


def test_colour_keeps_its_channels(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 12, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found, inverted = ImageForm(12, 3).read(tmp_path / "a.png")
    assert not inverted and np.array_equal(found, pixels.transpose(2, 0, 1))


@pytest.fixture
def folder(tmp_path):
    for name, count in (("10", 2), ("9", 3), ("b", 2), ("a", 1), ("c", 1)):
        for i in range(count):
            saved(
                tmp_path / "mine" / name / f"{i}.png",
                np.full((20, 20), 10 * len(name) + i, np.uint8),
            )
    return tmp_path / "mine"


def test_classes_are_the_subfolders_and_images_keep_their_class(folder):
    images = Images(folder)
    assert images.pool.names == ("9", "10", "a", "b", "c") and images.pool.size.tolist() == [
        3,
        2,
        1,
        2,
        1,
    ]
    assert [path.parent.name for path in images.paths] == ["9"] * 3 + ["10"] * 2 + [
        "a",
        "b",
        "b",
        "c",
    ]
    support = images.support()
    assert support.x.shape == (1, 9, 1, 28, 28) and support.y.tolist() == [
        [0, 0, 0, 1, 1, 2, 3, 3, 4]
    ]
    assert torch.equal(
        (support.x[0, :, 0, 0, 0] * 255).round(),
        torch.tensor([10.0, 11, 12, 20, 21, 10, 10, 11, 10]),
    )
    parts = [set(images.split(name).names) for name in SPLITS]
    assert (
        set.union(*parts) == set(images.pool.names)
        and sum(map(len, parts)) == 5
        and images.split("test").label == "images/test"
    )


def test_a_learner_trains_on_a_folder(folder):
    for name in "ac":
        shutil.rmtree(folder / name)  # of one image: too few for support and query
    tasks = Images(folder, size=16).episodes(way=2, shot=1, query=1)
    learner = qs.ProtoNet(qs.models.Conv4(channels=2, image_size=16))
    assert qs.fit(learner, tasks, 2, progress=False).step == 2


def test_what_is_no_image_of_a_class_is_left_out_and_told(folder):
    for name in (".DS_Store", "9/.hidden.png", "9/notes.txt", "readme.md"):
        (folder / name).write_text("no image")
    (folder / ".git").mkdir()
    (folder / "__MACOSX").mkdir()
    shutil.copy(folder / "a" / "0.png", folder / "loose.png")
    images = Images(folder)
    assert len(images.paths) == 9 and sorted(path.name for path in images.skipped) == [
        "loose.png",
        "notes.txt",
        "readme.md",
    ]


def broken(folder):
    data = (folder / "a" / "0.png").read_bytes()
    (folder / "a" / "0.png").write_bytes(data[: len(data) // 2])


def text(folder):
    (folder / "a" / "0.png").write_text("no image")


def emptied(folder):
    (folder / "a" / "0.png").unlink()


def nested(folder):
    (folder / "b" / "more").mkdir()


def twice(folder):
    for name in ("cafe\u0301", "caf\u00e9"):
        saved(folder / name / "0.png")


def alone(folder):
    for part in folder.iterdir():
        shutil.rmtree(part)
    saved(folder / "0.png")


MISTAKES = {
    broken: r"0\.png is not a readable image",
    text: r"0\.png is not a readable image",
    emptied: r"Class folder .*/a should hold at least one image .* Found none",
    nested: (
        r"Class folder .*/b should hold only images\. Found folder 'more' in it: give the folder "
        r"whose subfolders"
    ),
    twice: r"Class names in .* should differ\. Found 'caf.*' and 'caf.*': rename one",
    alone: r"one folder of images for each class\. Found no folder in it",
    shutil.rmtree: r"should be a folder of images\. Found no such folder",
}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_a_folder_that_is_wrong(folder, mistake):
    mistake(folder)
    with pytest.raises(qs.UserError, match=MISTAKES[mistake]):
        Images(folder)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"size": 0}, "`size`"), ({"channels": 2}, "`channels`"), ({"ink": "red"}, "`ink`")],
)
def test_a_form_that_is_wrong(options, message):
    with pytest.raises(qs.UserError, match=message):
        ImageForm(**options)
