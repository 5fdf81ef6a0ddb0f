from __future__ import annotations

import numpy as np
import pytest

from darknetpy.errors import ImageError
from darknetpy.images.crop import center_crop, crop
from darknetpy.images.resize import resize


def noise(width: int, height: int) -> np.ndarray:
    return np.random.default_rng(width * 100 + height).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(("left", "top"), [(0, 0), (3, 2), (-4, -3), (8, 6), (100, -100)])
@pytest.mark.parametrize("layout", ["bytes", "planes"])
def test_outside_the_picture_its_edge_pixels_repeat(left: int, top: int, layout: str) -> None:
    picture = noise(9, 7)
    planes = (picture.transpose(2, 0, 1) / 255).astype(np.float32)
    out = crop(picture if layout == "bytes" else planes, left, top, 6, 5)
    for row in range(5):
        for column in range(6):
            y, x = min(max(row + top, 0), 6), min(max(column + left, 0), 8)
            assert np.array_equal(out[:, row, column], planes[:, y, x])


@pytest.mark.parametrize("size", [(12, 8), (8, 12), (9, 9)])
def test_the_middle_square_is_cut_and_stretched(size: tuple[int, int]) -> None:
    picture = noise(*size)
    side = min(size)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    square = np.ascontiguousarray(picture[top : top + side, left : left + side])
    assert np.array_equal(center_crop(picture, 5, 4), resize(square, 5, 4))
    assert np.array_equal(center_crop(picture, 1, 1), resize(square, 1, 1))


def test_a_piece_without_pixels_is_refused() -> None:
    with pytest.raises(ImageError, match="at least 1 pixel"):
        crop(noise(4, 4), 0, 0, 0, 4)
