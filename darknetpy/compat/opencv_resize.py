"""Resizing as OpenCV's INTER_LINEAR does it: bytes in whole numbers, other pictures in floating point."""

from __future__ import annotations

import numpy as np

from darknetpy.compat.opencv_errors import error
from darknetpy.kernels.fixed_point import FRACTION_BITS, resample_in_whole_numbers

Places = tuple[np.ndarray, np.ndarray]


def as_picture(image: object) -> np.ndarray:
    """An array (h, w, c) of 1, 3 or 4 channels; raises `error` for anything else."""
    expected = "a picture (h, w) or (h, w, c) of 1, 3 or 4 channels"
    if image is None:
        raise error("no picture", expected, "Look whether imread found the file: it gives None where it did not")
    if not isinstance(image, np.ndarray):
        raise error(f"a {type(image).__name__}", expected)
    if image.dtype.kind not in "uif":
        raise error(f"a picture of {image.dtype}", "numbers, uint8 as a rule")
    picture = image[:, :, np.newaxis] if image.ndim == 2 else image
    if picture.ndim != 3 or picture.shape[2] not in (1, 3, 4) or 0 in picture.shape:
        raise error(f"an array of shape {image.shape}", expected)
    return picture


def resize(picture: np.ndarray, width: int, height: int, factor: float = 0.0) -> np.ndarray:
    """The picture (h, w, c) in another size, (height, width, c) of the same dtype.

    ``factor`` is the exact enlargement where the size has been rounded from it.
    """
    h, w, c = picture.shape
    if (height, width) == (h, w):
        return picture
    across = _places(w, width, factor, at_border=True)
    down = _places(h, height, factor, at_border=False)
    if picture.dtype != np.uint8:
        return _in_floating_point(picture, across, down)
    resized = np.empty((height, width * c), np.uint8)
    resample_in_whole_numbers(
        np.ascontiguousarray(picture),
        across[0],
        _whole(across[1]),
        down[0],
        _whole(down[1]),
        np.empty((2, width * c), np.int32),
        resized,
    )
    return resized.reshape(height, width, c)


def _places(side: int, wanted: int, factor: float, at_border: bool) -> Places:
    """The two source pixels of every position (2, wanted), int64, and the share of each, float32.

    Pixels outside are those of the border. ``at_border`` says whether their share moves to the border's too, which
    shows in the roundings only: OpenCV does so within a row, and not between rows.
    """
    step = 1 / factor if factor else side / wanted
    positions = ((np.arange(wanted) + 0.5) * step - 0.5).astype(np.float32)
    first = np.floor(positions).astype(np.int64)
    share = positions - first.astype(np.float32)
    if at_border:
        share[(first < 0) | (first >= side - 1)] = 0
    places = np.stack([first, first + 1]).clip(0, side - 1)
    return places, np.stack([np.float32(1) - share, share])


def _whole(shares: np.ndarray) -> np.ndarray:
    return np.rint(shares * np.float32(1 << FRACTION_BITS)).astype(np.int32)


def _in_floating_point(picture: np.ndarray, across: Places, down: Places) -> np.ndarray:
    (columns, column_shares), (rows, row_shares) = across, down
    source = picture.astype(np.float64 if picture.dtype == np.float64 else np.float32, copy=False)
    left_share, right_share = column_shares[:, np.newaxis, :, np.newaxis]
    mixed = source[:, columns[0]] * left_share + source[:, columns[1]] * right_share
    upper_share, lower_share = row_shares[:, :, np.newaxis, np.newaxis]
    result = mixed[rows[0]] * upper_share + mixed[rows[1]] * lower_share
    if picture.dtype.kind == "f":
        return result.astype(picture.dtype, copy=False)
    limits = np.iinfo(picture.dtype)
    return np.rint(result).clip(limits.min, limits.max).astype(picture.dtype)
