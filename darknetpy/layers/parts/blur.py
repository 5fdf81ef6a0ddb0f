"""Antialiasing: a fixed blur with the stride that the layer before it gives up.

Source: Zhang 2019, "Making convolutional networks shift-invariant again"; AlexeyAB/darknet src/convolutional_layer.c.
"""

from __future__ import annotations

import numpy as np

from darknetpy.config.options import Option
from darknetpy.layers.base import Shape, Window
from darknetpy.layers.parts.windows import pad, steps, tap, unpad

OPTION = Option("antialiasing", 0, "blur before striding: 1 a 3x3 triangle, 2 a 2x2 box", minimum=0, maximum=2)
_KERNELS = {1: (np.outer([1, 2, 1], [1, 2, 1]) / 16, 1), 2: (np.full((2, 2), 0.25), 0)}  # kernel, cells of padding


def blurred_shape(shape: Shape, antialiasing: int, strides: tuple[int, int]) -> Shape:
    """The shape (c, h, w) of the blurred picture; sides can come out below 1 for pictures that are too small."""
    kernel, padding = _KERNELS[antialiasing]
    c, h, w = shape
    return (c, steps(h, 2 * padding, len(kernel), strides[0]), steps(w, 2 * padding, len(kernel), strides[1]))


def blur(x: np.ndarray, antialiasing: int, strides: tuple[int, int]) -> np.ndarray:
    """x (n, c, h, w) blurred channel by channel and sampled at ``strides``."""
    kernel, padding = _KERNELS[antialiasing]
    _, height, width = blurred_shape(x.shape[1:], antialiasing, strides)
    padded = pad(x, padding, padding, 0)
    result = np.zeros((*x.shape[:2], height, width), x.dtype)
    for (row, column), factor in np.ndenumerate(kernel.astype(x.dtype)):
        result += factor * tap(padded, row, column, strides, (height, width))
    return result


def blur_backward(
    gradient: np.ndarray, antialiasing: int, strides: tuple[int, int], sides: tuple[int, ...]
) -> np.ndarray:
    """The gradient by the picture (n, c, *sides) that was blurred, from that by the result."""
    kernel, padding = _KERNELS[antialiasing]
    by_padded = np.zeros((*gradient.shape[:2], *(side + 2 * padding for side in sides)), gradient.dtype)
    for (row, column), factor in np.ndenumerate(kernel.astype(gradient.dtype)):
        met = tap(by_padded, row, column, strides, gradient.shape[2:])
        met += factor * gradient
    return unpad(by_padded, padding, sides)


def cells(antialiasing: int) -> int:
    """Number of cells in the blur's kernel."""
    return int(_KERNELS[antialiasing][0].size)


def widened(window: Window, antialiasing: int, strides: tuple[int, int]) -> Window:
    """The window of a layer together with the blur behind it; ``antialiasing`` 0 is none."""
    if not antialiasing:
        return window
    more = len(_KERNELS[antialiasing][0]) - 1
    return Window(window.height + more, window.width + more, *strides)
