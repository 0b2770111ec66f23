"""The form of images: known pixels of any mode, shape and ink."""

import numpy as np
import pytest
from PIL import Image

import quickstudy as qs
from quickstudy.tasks import ImageForm


@pytest.mark.parametrize(
    ("pixels", "value"),
    [
        (np.full((4, 4), 200, np.uint8), 200),
        (np.full((4, 4), 200 * 257, np.uint16), 200),
        (np.full((4, 4), 0.5, np.float32), 127),
        (np.full((4, 4), 90.0, np.float32), 90),
    ],
    ids=["8 bits", "16 bits", "parts of white", "floats up to 255"],
)
def test_every_depth_becomes_8_bits(tmp_path, pixels, value):
    path = tmp_path / "image.tif"
    Image.fromarray(pixels).save(path)
    found, inverted = ImageForm(size=4).read(path)
    assert found.shape == (1, 4, 4) and (found == value).all() and not inverted


def test_transparent_is_white_and_dark_ink_is_inverted(tmp_path):
    path = tmp_path / "image.png"
    Image.new("RGBA", (6, 3), (0, 0, 0, 0)).save(path)
    for ink, value in ((None, 255), ("auto", 0), ("dark", 0), ("light", 255)):
        found, inverted = ImageForm(size=6, channels=3, ink=ink).read(path)
        assert found.shape == (3, 6, 6) and (found == value).all()
        assert inverted == (value == 0)


def test_a_missing_file_and_a_folder_are_no_image(tmp_path):
    with pytest.raises(qs.UserError, match="There is no file"):
        ImageForm().read(tmp_path / "none.png")
    with pytest.raises(qs.UserError, match="should be an image"):
        ImageForm().read(tmp_path)
