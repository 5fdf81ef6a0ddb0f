"""Darknet's bilinear resampling of a picture into a window of a larger output.

Both kernels follow positions that were worked out beforehand (one index and one fraction for every output row and
column), so that cutting, padding and resizing are one pass that touches only the source pixels it needs.

Source of the formula: AlexeyAB/darknet src/image.c, resize_image.
"""

from __future__ import annotations

import numpy as np

from darknetpy.kernels import kernel


@kernel
def resample_bytes(
    picture: np.ndarray,
    rows: np.ndarray,
    row_fractions: np.ndarray,
    columns: np.ndarray,
    column_fractions: np.ndarray,
    levels: np.ndarray,
    top: int,
    left: int,
    out: np.ndarray,
) -> None:
    """Mix the four source pixels around every position, horizontally first.

    picture (h, w, c) uint8; rows, columns: index of the upper and of the left source pixel, int64; the fractions
    (0 to 1, float32) are the shares of the next row and column; levels (256) float32 turns a byte into a value.
    Writes the window that begins at (top, left) of out (c, out_h, out_w) float32 and leaves the rest alone.
    """
    h, w, c = picture.shape
    one = np.float32(1)
    for plane in range(c):
        for row in range(rows.shape[0]):
            upper = rows[row]
            lower = min(upper + 1, h - 1)
            down = row_fractions[row]
            for column in range(columns.shape[0]):
                first = columns[column]
                second = min(first + 1, w - 1)
                along = column_fractions[column]
                above = (one - along) * levels[picture[upper, first, plane]]
                above += along * levels[picture[upper, second, plane]]
                below = (one - along) * levels[picture[lower, first, plane]]
                below += along * levels[picture[lower, second, plane]]
                out[plane, top + row, left + column] = (one - down) * above + down * below


@kernel
def resample_planes(
    planes: np.ndarray,
    rows: np.ndarray,
    row_fractions: np.ndarray,
    columns: np.ndarray,
    column_fractions: np.ndarray,
    top: int,
    left: int,
    out: np.ndarray,
) -> None:
    """The same for planes (c, h, w) float32; see `resample_bytes` for the other arguments."""
    c, h, w = planes.shape
    one = np.float32(1)
    for plane in range(c):
        for row in range(rows.shape[0]):
            upper = rows[row]
            lower = min(upper + 1, h - 1)
            down = row_fractions[row]
            for column in range(columns.shape[0]):
                first = columns[column]
                second = min(first + 1, w - 1)
                along = column_fractions[column]
                above = (one - along) * planes[plane, upper, first] + along * planes[plane, upper, second]
                below = (one - along) * planes[plane, lower, first] + along * planes[plane, lower, second]
                out[plane, top + row, left + column] = (one - down) * above + down * below
