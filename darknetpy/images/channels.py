"""Giving a picture the number of channels that a network wants.

Source of the grey formula: stb_image, with which Darknet reads pictures (``(77 r + 150 g + 29 b) >> 8``).
"""

from __future__ import annotations

import numpy as np

from darknetpy.errors import ImageError

CHANNELS = (1, 3, 4)  # grey; red, green, blue; the same and opacity


def require_known_channels(channels: int) -> None:
    """ImageError unless pictures can be given that many channels."""
    if channels not in CHANNELS:
        raise ImageError(
            f"pictures with {channels} channels", "1 (grey), 3 (RGB) or 4 (RGBA)", "Feed such a network with arrays"
        )


def with_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    """Pixels (h, w, 1|3|4) -> (h, w, channels), uint8 or float32 in 0..1 as before.

    Grey is copied to the colours; colours become grey by weight; opacity is dropped, not blended, or added as opaque.

    >>> with_channels(np.array([[[255, 0, 0]]], np.uint8), 1)
    array([[[76]]], dtype=uint8)
    """
    given = pixels.shape[2]
    if given == channels:
        return pixels
    if channels == 1:
        return _grey(pixels)
    colours = np.broadcast_to(pixels, (*pixels.shape[:2], 3)) if given == 1 else pixels[..., :3]
    if channels == 3:
        return np.ascontiguousarray(colours)
    opaque = 255 if pixels.dtype == np.uint8 else 1
    return np.concatenate([colours, np.full((*pixels.shape[:2], 1), opaque, pixels.dtype)], axis=2)


def _grey(pixels: np.ndarray) -> np.ndarray:
    """Weighted sum of red, green and blue, (h, w, 1)."""
    red, green, blue = (pixels[..., k : k + 1] for k in range(3))
    if pixels.dtype == np.uint8:
        total = red.astype(np.uint16) * 77 + green.astype(np.uint16) * 150 + blue.astype(np.uint16) * 29  # fits
        return (total >> 8).astype(np.uint8)
    return (red * np.float32(77) + green * np.float32(150) + blue * np.float32(29)) / np.float32(256)
