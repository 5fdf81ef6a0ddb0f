"""Darknet's ways of cutting a piece out of a picture.

Pictures are (h, w, c) uint8 or (c, h, w) float32 in 0..1; the results are (c, h, w) float32 in 0..1.

Source: AlexeyAB/darknet src/image.c (crop_image), pjreddie/darknet src/image.c (center_crop_image).
"""

from __future__ import annotations

import numpy as np

from darknetpy.images.resize import new_planes, picture_size, positions, resample, row_positions


def crop(picture: np.ndarray, left: int, top: int, width: int, height: int) -> np.ndarray:
    """The width x height piece that begins at (left, top); outside the picture its edge pixels repeat.

    >>> crop(np.arange(6, dtype=np.uint8).reshape(2, 3, 1), -1, 0, 2, 1) * 255
    array([[[0., 0.]]], dtype=float32)
    """
    source_width, source_height = picture_size(picture)
    out = new_planes(picture, width, height)
    rows = positions(source_height, source_height, inside(top, height, source_height))
    columns = positions(source_width, source_width, inside(left, width, source_width))
    resample(picture, rows, columns, out, 0, 0)
    return out


def center_crop(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """The largest square in the middle of the picture, stretched to width x height."""
    source_width, source_height = picture_size(picture)
    side = min(source_width, source_height)
    out = new_planes(picture, width, height)
    rows = row_positions(side, height).shifted((source_height - side) // 2)
    columns = positions(side, width).shifted((source_width - side) // 2)
    resample(picture, rows, columns, out, 0, 0)
    return out


def inside(start: int, count: int, length: int) -> np.ndarray:
    """``count`` places from ``start`` on, each moved to the nearest one within 0..length-1."""
    return np.clip(np.arange(start, start + count), 0, length - 1)
