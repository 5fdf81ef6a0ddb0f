"""Pictures that are given as NumPy arrays, or as files or arrays alike."""

from __future__ import annotations

import os
from typing import BinaryIO

import numpy as np

from darknetpy.errors import Findings, ImageError
from darknetpy.images.channels import CHANNELS, require_known_channels, with_channels
from darknetpy.images.decode import MAXIMUM_PIXELS, read_picture

Picture = str | os.PathLike[str] | bytes | BinaryIO | np.ndarray
"""What `as_picture` takes: a path, the bytes of a picture file, an opened file, or an array."""
ORDERS = ("rgb", "bgr")
EXPECTED = "(h, w), (h, w, 1), (h, w, 3) or (h, w, 4), uint8, or float in 0..1"


def as_picture(
    image: Picture,
    channels: int = 3,
    *,
    order: str = "rgb",
    maximum_pixels: int = MAXIMUM_PIXELS,
    exif: bool = True,
    allow_damaged: bool = False,
    findings: Findings | None = None,
) -> np.ndarray:
    """A file or an array in the form that preprocessing takes.

    Files go to `darknetpy.images.decode.read_picture` with the arguments of the same names, arrays to
    `picture_from_array`, which alone uses ``order``.
    """
    if isinstance(image, np.ndarray):
        return picture_from_array(image, channels, order=order)
    if not isinstance(image, str | os.PathLike | bytes) and not hasattr(image, "read"):
        raise ImageError(f"a {type(image).__name__}", "a path, the bytes of a picture file, or a NumPy array")
    return read_picture(
        image,
        channels=channels,
        maximum_pixels=maximum_pixels,
        exif=exif,
        allow_damaged=allow_damaged,
        findings=findings,
    )


def picture_from_array(array: np.ndarray, channels: int = 3, *, order: str = "rgb") -> np.ndarray:
    """Check an array and bring it into the form that preprocessing takes.

    Args:
        array: (h, w) or (h, w, 1) grey, (h, w, 3) colour, (h, w, 4) colour and opacity (dropped, not blended);
            uint8, or float16, float32 or float64 in 0..1.
        channels: how many the picture shall have, 1, 3 or 4.
        order: of the colours in the array, ``"rgb"``, or ``"bgr"`` for pictures that OpenCV has read.

    Returns (h, w, channels) uint8 for uint8, (channels, h, w) float32 in 0..1 for float arrays.
    Raises ImageError, with shape and dtype, for anything else: no guess is made whether a (3, h, w) array was meant.

    >>> picture_from_array(np.zeros((375, 500), np.uint8)).shape
    (375, 500, 3)
    """
    require_known_channels(channels)
    if order not in ORDERS:
        raise ImageError(f"order of colours {order!r}", f"one of {', '.join(ORDERS)}")
    pixels = _checked(array)
    if order == "bgr" and pixels.shape[2] >= 3:
        pixels = np.concatenate([pixels[..., 2::-1], pixels[..., 3:]], axis=2)
    pixels = with_channels(pixels, channels)
    return pixels if pixels.dtype == np.uint8 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _checked(array: np.ndarray) -> np.ndarray:
    """The array as (h, w, c), uint8 or float32; ImageError when it cannot be a picture."""
    pixels = array[..., np.newaxis] if array.ndim == 2 else array
    found = f"an array of shape {array.shape} and dtype {array.dtype}"
    if pixels.ndim != 3 or pixels.shape[2] not in CHANNELS or pixels.size == 0:
        planes = pixels.ndim == 3 and pixels.shape[0] in CHANNELS and pixels.size > 0
        raise ImageError(found, EXPECTED, "Channels come last: array.transpose(1, 2, 0)" if planes else "")
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype.kind != "f":
        raise ImageError(found, EXPECTED, "Bring the values to 0..255 and convert with astype(numpy.uint8)")
    _require_values_in_range(pixels, found)
    return pixels.astype(np.float32, copy=False)


def _require_values_in_range(pixels: np.ndarray, found: str) -> None:
    """ImageError unless every value is a number from 0 to 1."""
    lowest, highest = float(pixels.min()), float(pixels.max())
    if not np.isfinite([lowest, highest]).all():
        raise ImageError(f"{found} with NaN or infinite values", "numbers in 0..1")
    if lowest < 0 or highest > 1:
        remedy = "Divide by 255" if lowest >= 0 and highest <= 255 else "Scale or clip the values"
        raise ImageError(f"{found} with values from {lowest:g} to {highest:g}", "values in 0..1", remedy)
