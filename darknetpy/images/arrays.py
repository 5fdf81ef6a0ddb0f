"""Pictures that are given as NumPy arrays."""

from __future__ import annotations

import numpy as np

from darknetpy.errors import ImageError
from darknetpy.images.channels import CHANNELS, require_known_channels, with_channels

ORDERS = ("rgb", "bgr")
EXPECTED = "(h, w), (h, w, 1), (h, w, 3) or (h, w, 4), uint8, or float in 0..1"


def picture_from_array(array: np.ndarray, *, channels: str = "rgb", network_channels: int = 3) -> np.ndarray:
    """Check an array and bring it into the form that a network's preprocessing takes.

    Args:
        array: (h, w) or (h, w, 1) grey, (h, w, 3) colour, (h, w, 4) colour and opacity (dropped, not blended);
            uint8, or float16, float32 or float64 in 0..1.
        channels: order of the colours, ``"rgb"``, or ``"bgr"`` for pictures that OpenCV has read.
        network_channels: how many channels the picture shall have, 1, 3 or 4.

    Returns (h, w, network_channels) uint8 for uint8, (network_channels, h, w) float32 in 0..1 for float arrays.
    Raises ImageError, with shape and dtype, for anything else: no guess is made whether a (3, h, w) array was meant.

    >>> picture_from_array(np.zeros((375, 500), np.uint8)).shape
    (375, 500, 3)
    """
    require_known_channels(network_channels)
    if channels not in ORDERS:
        raise ImageError(f"channels={channels!r}", f"one of {', '.join(ORDERS)}")
    pixels = _checked(array)
    if channels == "bgr" and pixels.shape[2] >= 3:
        pixels = np.concatenate([pixels[..., 2::-1], pixels[..., 3:]], axis=2)
    pixels = with_channels(pixels, network_channels)
    if pixels.dtype == np.uint8:
        return np.ascontiguousarray(pixels)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32)


def _checked(array: np.ndarray) -> np.ndarray:
    """The array as (h, w, c), uint8 or float; ImageError when it cannot be a picture."""
    if not isinstance(array, np.ndarray):
        raise ImageError(f"a {type(array).__name__}", "a path or a NumPy array")
    pixels = array[..., np.newaxis] if array.ndim == 2 else array
    found = f"an array of shape {array.shape} and dtype {array.dtype}"
    if pixels.ndim != 3 or pixels.shape[2] not in CHANNELS or pixels.size == 0:
        planes = pixels.ndim == 3 and pixels.shape[0] in CHANNELS and pixels.size > 0
        remedy = "Channels come last: array.transpose(1, 2, 0)" if planes else ""
        raise ImageError(found, EXPECTED, remedy)
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype.kind != "f":
        raise ImageError(found, EXPECTED, "Bring the values to 0..255 and convert with astype(numpy.uint8)")
    _require_values_in_range(pixels, found)
    return pixels


def _require_values_in_range(pixels: np.ndarray, found: str) -> None:
    """ImageError unless every value is a number from 0 to 1."""
    lowest, highest = float(pixels.min()), float(pixels.max())
    if not np.isfinite([lowest, highest]).all():
        raise ImageError(f"{found} with NaN or infinite values", "numbers in 0..1")
    if lowest < 0 or highest > 1:
        remedy = "Divide by 255" if lowest >= 0 and highest <= 255 else "Scale or clip the values"
        raise ImageError(f"{found} with values from {lowest:g} to {highest:g}", "values in 0..1", remedy)
