from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from darknetpy.errors import ImageError
from darknetpy.images.arrays import as_picture, picture_from_array

COLOURS = np.random.default_rng(3).integers(0, 256, (6, 8, 3), dtype=np.uint8)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_become_planes_and_keep_their_precision(dtype: type) -> None:
    values = (COLOURS / 255).astype(dtype)
    picture = picture_from_array(values)
    assert picture.shape == (3, 6, 8)
    assert picture.dtype == np.float32
    assert np.array_equal(picture, values.transpose(2, 0, 1).astype(np.float32))


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("kind", ["bytes", "floats"])
def test_the_order_of_opencv_is_turned_round(channels: int, kind: str) -> None:
    bgr = np.random.default_rng(4).integers(0, 256, (6, 8, channels), dtype=np.uint8)
    rgb = bgr[..., [2, 1, 0, 3][:channels]]
    if kind == "floats":
        bgr, rgb = bgr / 255, (rgb / 255).astype(np.float32).transpose(2, 0, 1)
    assert np.array_equal(picture_from_array(bgr, channels, order="bgr"), rgb)


def test_the_order_does_not_matter_for_grey() -> None:
    grey = COLOURS[..., 0]
    for order in ("rgb", "bgr"):
        assert np.array_equal(picture_from_array(grey, 1, order=order)[..., 0], grey)


def test_other_orders_are_refused() -> None:
    with pytest.raises(ImageError, match="'rbg', expected one of rgb, bgr"):
        picture_from_array(COLOURS, order="rbg")


@pytest.mark.parametrize(
    ("array", "remedy"),
    [
        (np.zeros((3, 40, 50), np.float32), "transpose(1, 2, 0)"),
        (np.full((4, 5, 3), 255.0), "Divide by 255"),
        (np.full((4, 5, 3), -0.5), "Scale or clip"),
        (np.zeros((4, 5, 3), np.uint16), "astype(numpy.uint8)"),
        (np.zeros((4, 5, 3), bool), "astype(numpy.uint8)"),
    ],
)
def test_errors_say_what_to_do(array: np.ndarray, remedy: str) -> None:
    with pytest.raises(ImageError) as caught:
        picture_from_array(array)
    assert remedy in caught.value.remedy


def test_the_array_given_is_not_changed() -> None:
    before = COLOURS.copy()
    picture_from_array(COLOURS, 1, order="bgr")
    assert np.array_equal(COLOURS, before)


def test_files_and_arrays_are_taken_alike(tmp_path: Path) -> None:
    Image.fromarray(COLOURS).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    for image in (tmp_path / "a.png", str(tmp_path / "a.png"), data, io.BytesIO(data), COLOURS):
        assert np.array_equal(as_picture(image), COLOURS)


@pytest.mark.parametrize("image", [None, 5, [[0, 0], [0, 0]]])
def test_other_objects_are_refused(image: Any) -> None:
    with pytest.raises(ImageError, match=f"a {type(image).__name__}, expected a path"):
        as_picture(image)


def test_a_file_opened_as_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.ppm").write_text("P3 1 1 255 1 2 3\n")
    with (tmp_path / "a.ppm").open() as file, pytest.raises(ImageError, match="cannot be read"):
        as_picture(file)  # type: ignore[arg-type]  # that is the mistake
