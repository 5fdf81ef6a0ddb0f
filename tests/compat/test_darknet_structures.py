"""The structures of the ctypes module: pictures in whatever memory scripts bring."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from darknetpy.compat.darknet_structures import IMAGE, copy_image_from_bytes, free_image, make_image, rgbgr_image
from darknetpy.errors import ImageError

PIXELS = np.arange(2 * 4 * 3, dtype=np.uint8).reshape(2, 4, 3) * 10
PLANES = PIXELS.transpose(2, 0, 1) / np.float32(255)


def test_bytes_of_an_array_become_planes() -> None:
    image = make_image(4, 2, 3)
    copy_image_from_bytes(image, PIXELS.tobytes())
    assert (image.w, image.h, image.c) == (4, 2, 3)
    assert image.planes().dtype == np.float32
    assert np.array_equal(image.planes()[0], PLANES)
    free_image(image)


def test_bytes_of_another_size_are_refused() -> None:
    with pytest.raises(ImageError, match="12 bytes for an image of 4x2 with 3 channels, expected 24"):
        copy_image_from_bytes(make_image(4, 2, 3), bytes(12))


def test_red_and_blue_change_places() -> None:
    image = IMAGE(4, 2, 3, PLANES.copy())
    rgbgr_image(image)
    assert np.array_equal(image.planes()[0], PLANES[::-1])


@pytest.mark.parametrize("kind", ["flat array", "double array", "pointer", "ctypes array"])
def test_values_in_any_memory(kind: str) -> None:
    flat = np.ascontiguousarray(PLANES.ravel(), np.float32)
    data = {
        "flat array": lambda: flat,
        "double array": lambda: flat.astype(np.float64),
        "pointer": lambda: flat.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
        "ctypes array": lambda: (ctypes.c_float * flat.size)(*flat),
    }[kind]()
    assert np.array_equal(IMAGE(4, 2, 3, data).planes()[0], PLANES)


def test_pictures_of_a_batch_follow_each_other() -> None:
    batch = np.stack([PLANES, 1 - PLANES])
    assert np.array_equal(IMAGE(4, 2, 3, batch.ravel()).planes(2), batch)


def test_too_few_values_are_refused() -> None:
    with pytest.raises(ImageError, match="an image with 24 values, expected 2 x 3 x 2 x 4"):
        IMAGE(4, 2, 3, PLANES).planes(2)
