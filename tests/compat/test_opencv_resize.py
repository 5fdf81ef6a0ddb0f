from __future__ import annotations

import numpy as np
import pytest

from darknetpy.compat.opencv_errors import error
from darknetpy.compat.opencv_resize import as_picture, resize
from darknetpy.kernels.fixed_point import resample_in_whole_numbers

SIZES = [
    ((20, 30), (7, 11)),
    ((20, 30), (41, 77)),
    ((9, 5), (1, 1)),
    ((1, 1), (3, 4)),
    ((8, 12), (4, 6)),
    ((8, 3), (8, 9)),
]


def mixed(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear resizing with the middles of the corner pixels a half pixel inside, pixel by pixel in float64."""
    h, w, _ = values.shape
    out = np.empty((height, width, values.shape[2]))
    for row, column in np.ndindex(height, width):
        y, x = ((place + 0.5) * side / wanted - 0.5 for place, side, wanted in ((row, h, height), (column, w, width)))
        top, left = int(np.floor(y)), int(np.floor(x))
        total = np.zeros(values.shape[2])
        for down, across in np.ndindex(2, 2):
            share = (y - top if down else top + 1 - y) * (x - left if across else left + 1 - x)
            total += share * values[np.clip(top + down, 0, h - 1), np.clip(left + across, 0, w - 1)]
        out[row, column] = total
    return out


@pytest.mark.parametrize(("before", "after"), SIZES)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_bytes_are_within_one_level_of_exact_arithmetic(
    before: tuple[int, int], after: tuple[int, int], channels: int
) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (*before, channels), np.uint8)
    resized = resize(picture, after[1], after[0])
    assert resized.dtype == np.uint8
    assert np.abs(resized - mixed(picture.astype(float), *after)).max() <= 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("before", "after"), SIZES)
def test_numbers_are_exact(before: tuple[int, int], after: tuple[int, int], dtype: type) -> None:
    picture = np.random.default_rng(2).random((*before, 3)).astype(dtype)
    resized = resize(picture, after[1], after[0])
    assert resized.dtype == dtype
    np.testing.assert_allclose(resized, mixed(picture.astype(float), *after), atol=2e-5)


def test_sixteen_bit_pictures_stay_whole_numbers() -> None:
    picture = np.random.default_rng(3).integers(0, 65536, (9, 14, 3), np.uint16)
    resized = resize(picture, 5, 6)
    assert resized.dtype == np.uint16
    assert np.abs(resized - mixed(picture.astype(float), 6, 5)).max() <= 1


def test_the_same_size_is_the_same_picture() -> None:
    picture = np.zeros((3, 4, 3), np.uint8)
    assert resize(picture, 4, 3) is picture


def test_every_second_row_of_a_flipped_picture_is_taken_as_it_lies() -> None:
    picture = np.random.default_rng(4).integers(0, 256, (20, 30, 3), np.uint8)
    seen = picture[::2, ::-1]
    assert np.array_equal(resize(seen, 7, 7), resize(seen.copy(), 7, 7))


def test_the_kernel_counts_shares_in_parts_of_2048() -> None:
    picture = np.array([[[0], [255]]], np.uint8)
    columns = np.array([[0, 0, 0], [1, 1, 1]])
    shares = np.array([[2048, 1024, 0], [0, 1024, 2048]], np.int32)
    rows, row_shares = np.zeros((2, 1), np.int64), np.array([[2048], [0]], np.int32)
    out = np.empty((1, 3), np.uint8)
    arguments = (picture, columns, shares, rows, row_shares, np.empty((2, 3), np.int32), out)
    for run in (resample_in_whole_numbers, resample_in_whole_numbers.py_func):
        out[:] = 7
        run(*arguments)
        assert out.tolist() == [[0, 128, 255]]


@pytest.mark.parametrize(
    "image",
    [None, "dog.jpg", np.zeros((4, 4, 3), bool), np.zeros((4, 4, 2), np.uint8), np.zeros((0, 4, 3), np.uint8),
     np.zeros((1, 4, 4, 3), np.uint8), np.zeros(4, np.uint8)],
    ids=["none", "path", "bool", "two channels", "empty", "four axes", "one axis"],
)  # fmt: skip
def test_what_is_no_picture_is_refused(image: object) -> None:
    with pytest.raises(error, match="expected"):
        as_picture(image)


def test_a_picture_that_was_not_found_is_called_by_its_cause() -> None:
    with pytest.raises(error, match="imread"):
        as_picture(None)
