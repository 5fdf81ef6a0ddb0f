"""Darknet's ways of bringing a picture to another size.

A *picture* is either (h, w, c) uint8, as decoded, or (c, h, w) float32 in 0..1 (Darknet's own layout). Every function
returns a new (c, h, w) float32 array in 0..1.

Source of the formulas: AlexeyAB/darknet src/image.c (resize_image, letterbox_image, resize_min, resize_max,
embed_image). Where the C program leaves the last row black or fails (a height of 1), the row that was meant is used.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from darknetpy.errors import ImageError
from darknetpy.kernels.resampling import resample_bytes, resample_planes

GREY = 0.5  # what lies around a letterboxed picture


class Positions(NamedTuple):
    """Where the output positions of one axis lie in the source: ``before + fraction``."""

    before: np.ndarray
    """(length,) int64: the source pixel before the position."""
    fraction: np.ndarray
    """(length,) float32: the share of the pixel after it."""

    def part(self, places: slice) -> Positions:
        """The positions of some of the output pixels only."""
        return Positions(self.before[places], self.fraction[places])

    def shifted(self, offset: int) -> Positions:
        """The same positions ``offset`` source pixels further on."""
        return Positions(self.before + offset, self.fraction)


def positions(source: int, target: int, places: np.ndarray | None = None) -> Positions:
    """Positions of ``target`` output pixels along ``source`` pixels, the first and the last pixels aligned.

    The arithmetic is Darknet's, in float32; the last output pixel is the last source pixel. ``places`` asks for some
    of the output pixels only (int64, 0..target-1), in that order.
    """
    places = np.arange(target) if places is None else places
    scale = np.float32(source - 1) / np.float32(max(target - 1, 1))
    exact = places.astype(np.float32) * scale
    before = exact.astype(np.int64)
    fraction = exact - before.astype(np.float32)
    last = places == target - 1
    before[last], fraction[last] = source - 1, 0
    return Positions(before, fraction)


def row_positions(source: int, target: int, places: np.ndarray | None = None) -> Positions:
    """`positions` of rows: where the output is one row high, it is the first one (the C program divides by zero)."""
    return positions(1 if target == 1 else source, target, places)


def picture_size(picture: np.ndarray) -> tuple[int, int]:
    """Width and height of a picture in either layout; ImageError for an array that is not a picture."""
    if picture.ndim == 3 and min(picture.shape) > 0:
        if picture.dtype == np.uint8:
            return picture.shape[1], picture.shape[0]
        if picture.dtype == np.float32:
            return picture.shape[2], picture.shape[1]
    raise ImageError(
        f"an array of shape {picture.shape} and dtype {picture.dtype}",
        "a picture (h, w, c) uint8 or (c, h, w) float32",
    )


def picture_channels(picture: np.ndarray) -> int:
    """Number of channels of a picture in either layout."""
    return picture.shape[2 if picture.dtype == np.uint8 else 0]


def new_planes(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """An unwritten (c, height, width) float32 array with the picture's channels; ImageError for a size below 1."""
    if width < 1 or height < 1:
        raise ImageError(f"a target size of {width}x{height}", "a width and a height of at least 1 pixel")
    return np.empty((picture_channels(picture), height, width), np.float32)


def resample(picture: np.ndarray, rows: Positions, columns: Positions, out: np.ndarray, top: int, left: int) -> None:
    """Write the picture, seen at these positions, into ``out`` (c, h, w) float32 from (top, left) on.

    What would fall outside ``out`` is not computed, and what the picture does not cover is left as it is.
    """
    height, width = out.shape[1:]
    rows = rows.part(slice(max(0, -top), max(0, height - top)))
    columns = columns.part(slice(max(0, -left), max(0, width - left)))
    source = np.ascontiguousarray(picture).view()
    source.flags.writeable = False  # one compiled form of the kernels for arrays of either kind
    corner = max(0, top), max(0, left)
    if picture.dtype == np.uint8:
        resample_bytes(source, *rows, *columns, _levels(), *corner, out)
    else:
        resample_planes(source, *rows, *columns, *corner, out)


@functools.cache
def _levels() -> np.ndarray:
    """byte / 255, computed in double precision and rounded to float32, as the C program does."""
    return (np.arange(256) / 255.0).astype(np.float32)


def resize(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """The whole picture stretched to width x height, bilinear, corners aligned.

    >>> resize(np.full((4, 6, 3), 255, np.uint8), 3, 2).shape
    (3, 2, 3)
    """
    source_width, source_height = picture_size(picture)
    out = new_planes(picture, width, height)
    resample(picture, row_positions(source_height, height), positions(source_width, width), out, 0, 0)
    return out


def letterbox(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """The whole picture in the middle of a grey width x height canvas, its proportions kept."""
    scaled_width, scaled_height = letterbox_size(*picture_size(picture), width, height)
    out = new_planes(picture, width, height)
    out.fill(GREY)
    source_width, source_height = picture_size(picture)
    rows, columns = row_positions(source_height, scaled_height), positions(source_width, scaled_width)
    resample(picture, rows, columns, out, (height - scaled_height) // 2, (width - scaled_width) // 2)
    return out


def embed(picture: np.ndarray, width: int, height: int, left: int, top: int) -> np.ndarray:
    """The picture at its own size on a grey width x height canvas; what lies over the edge is cut off."""
    source_width, source_height = picture_size(picture)
    out = new_planes(picture, width, height)
    out.fill(GREY)
    rows, columns = positions(source_height, source_height), positions(source_width, source_width)
    resample(picture, rows, columns, out, top, left)
    return out


def resize_min(picture: np.ndarray, side: int) -> np.ndarray:
    """The picture at the size whose shorter side is ``side``, its proportions kept."""
    return resize(picture, *shorter_side_size(*picture_size(picture), side))


def resize_max(picture: np.ndarray, side: int) -> np.ndarray:
    """The picture at the size whose longer side is ``side``, its proportions kept."""
    return resize(picture, *longer_side_size(*picture_size(picture), side))


def letterbox_size(source_width: int, source_height: int, width: int, height: int) -> tuple[int, int]:
    """Width and height of the largest picture of these proportions inside width x height, at least 1 pixel each.

    >>> letterbox_size(500, 375, 416, 416)
    (416, 312)
    """
    if np.float32(width) / np.float32(source_width) < np.float32(height) / np.float32(source_height):
        return width, max(1, source_height * width // source_width)
    return max(1, source_width * height // source_height), height


def shorter_side_size(source_width: int, source_height: int, side: int) -> tuple[int, int]:
    """Width and height whose shorter side is ``side``, the proportions kept.

    >>> shorter_side_size(500, 375, 224)
    (298, 224)
    """
    if source_width < source_height:
        return side, source_height * side // source_width
    return source_width * side // source_height, side


def longer_side_size(source_width: int, source_height: int, side: int) -> tuple[int, int]:
    """Width and height whose longer side is ``side``, the proportions kept, at least 1 pixel each.

    >>> longer_side_size(500, 375, 224)
    (224, 168)
    """
    if source_width > source_height:
        return side, max(1, source_height * side // source_width)
    return max(1, source_width * side // source_height), side
