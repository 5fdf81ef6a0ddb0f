"""Windows that slide over pictures: sizes, padding, and the cells of one tap."""

from __future__ import annotations

import numpy as np

from darknetpy.layers.base import Shape


def steps(side: int, padding: int, size: int, stride: int) -> int:
    """How many windows of ``size`` fit on a side with ``padding`` cells added in all; 0 or less when none does."""
    return (side + padding - size) // stride + 1


def pooled_shape(shape: Shape, size: int, padding: int, strides: tuple[int, int]) -> Shape:
    """How many windows fit on a picture: (c, down, across); counts can come out below 1."""
    c, h, w = shape
    return (c, steps(h, padding, size, strides[0]), steps(w, padding, size, strides[1]))


def pad(x: np.ndarray, before: int, after: int, value: float) -> np.ndarray:
    """x (n, c, h, w) with a border of ``value``: ``before`` cells at the top and left, ``after`` at the other ends.

    A negative ``after`` cuts cells away.
    """
    if before == 0 and after == 0:
        return x
    n, c, h, w = x.shape
    padded = np.full((n, c, h + before + max(after, 0), w + before + max(after, 0)), value, x.dtype)
    padded[:, :, before : before + h, before : before + w] = x
    return padded[:, :, : h + before + after, : w + before + after] if after < 0 else padded


def unpad(padded: np.ndarray, before: int, sides: tuple[int, ...]) -> np.ndarray:
    """What lies within a border of ``before`` cells at the top and left: (n, c, *sides), zeros where there is nothing.

    The way back from `pad` and `surround` for gradients.
    """
    height, width = sides
    inner = padded[:, :, before : before + height, before : before + width]
    if inner.shape[2:] == tuple(sides):
        return inner
    result = np.zeros((*padded.shape[:2], height, width), padded.dtype)
    result[:, :, : inner.shape[2], : inner.shape[3]] = inner
    return result


def padded_size(shape: Shape, border: int) -> int:
    """Number of values of a picture (c, h, w) with ``border`` cells added to its height and to its width."""
    c, h, w = shape
    return c * (h + border) * (w + border)


def surround(
    x: np.ndarray, size: int, before: int, strides: tuple[int, int], counts: tuple[int, ...], value: float
) -> np.ndarray:
    """x (n, c, h, w) with a border of ``value`` so that ``counts`` (down, across) windows of ``size`` lie inside.

    ``before`` cells of the border are at the top and left.
    """
    missing = max(
        stride * (count - 1) + size - before - side
        for stride, count, side in zip(strides, counts, x.shape[2:], strict=True)
    )
    return pad(x, before, max(missing, 0), value)


def tap(padded: np.ndarray, row: int, column: int, strides: tuple[int, int], shape: tuple[int, ...]) -> np.ndarray:
    """A view of the cells that the window's cell (row, column) meets, for every window: (n, c, *shape)."""
    down, right = strides
    height, width = shape
    return padded[:, :, row : row + down * (height - 1) + 1 : down, column : column + right * (width - 1) + 1 : right]
