"""What stands between convolutions, on channel-blocked arrays.

A chunk is one block of 16 channels of one image; of pooling and averages it is some *units*, each a part of the output
rows of such a block. Large blocks have several parts, and small ones share a chunk.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from darknetpy.kernels import kernel
from darknetpy.kernels.convolution import divide
from darknetpy.kernels.layout import copy_floats
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import LANES, LINE, add, load, maximum, multiply, splat, store

LOWEST = np.finfo(np.float32).min  # what a window that lies wholly outside gives
RUN = 64  # pixels of a partial sum of `average_pixels`
SEPARABLE = 4  # from this size on, windows are searched by rows and then by columns

_ARRAYS = integers("source", "source_plane", "source_image", "out", "out_plane", "out_image", "blocks")

COPY = record_type(**_ARRAYS, **integers("pixels"))
AVERAGE = record_type(**_ARRAYS, **integers("pixels", "units", "chunks"))
POOLING = record_type(
    **_ARRAYS,
    **integers("height", "width", "out_height", "out_width", "size", "stride_x", "stride_y", "padding"),
    **integers("units", "chunks", "parts"),
)
"""units: parts of the output rows of all blocks of all images, shared out to so many chunks."""
REPETITION = record_type(**_ARRAYS, **integers("width", "out_height", "stride"), scale="f4")

_read_copy, _read_pooling = reader(COPY), reader(POOLING)
_read_average, _read_repetition = reader(AVERAGE), reader(REPETITION)


@operation(COPY)
def copy_blocks(record: int, chunk: int, scratch: int) -> None:
    """Copy whole blocks, e.g. to their place in a concatenation."""
    copy = _read_copy(record)
    image, block = chunk // copy.blocks, chunk % copy.blocks
    copy_floats(
        copy.source + image * copy.source_image + block * copy.source_plane,
        copy.out + image * copy.out_image + block * copy.out_plane,
        copy.pixels * LANES,
    )


@operation(AVERAGE)
def average_pixels(record: int, chunk: int, scratch: int) -> None:
    """The mean of all pixels, summed in runs of `RUN` and then run by run: rounding errors stay those of short sums."""
    pooling = _read_average(record)
    share = splat(np.float32(1 / pooling.pixels))
    for unit in range(divide(pooling.units, pooling.chunks, chunk), divide(pooling.units, pooling.chunks, chunk + 1)):
        image, block = unit // pooling.blocks, unit % pooling.blocks
        source = pooling.source + image * pooling.source_image + block * pooling.source_plane
        total = splat(np.float32(0))
        for first in range(0, pooling.pixels, RUN):
            at, pixels = source + first * LINE, min(RUN, pooling.pixels - first)
            even = odd = splat(np.float32(0))  # two sums, as each addition has to wait for the one before
            for pixel in range(0, pixels - 1, 2):
                even = add(even, load(at + pixel * LINE))
                odd = add(odd, load(at + (pixel + 1) * LINE))
            if pixels % 2:
                even = add(even, load(at + (pixels - 1) * LINE))
            total = add(total, add(even, odd))
        store(pooling.out + image * pooling.out_image + block * pooling.out_plane, multiply(total, share))


@operation(POOLING)
def pool_maximum(record: int, chunk: int, scratch: int) -> None:
    """The largest value in each window; ``padding`` rows and columns lie before the first, cells outside never win.

    Of large windows first the largest values of their rows are found, in scratch memory, and then those of columns.
    """
    pooling = _read_pooling(record)
    size, padding, pitch = pooling.size, pooling.padding, pooling.out_width * LINE
    separable = size >= SEPARABLE
    for unit in range(divide(pooling.units, pooling.chunks, chunk), divide(pooling.units, pooling.chunks, chunk + 1)):
        part, rest = unit % pooling.parts, unit // pooling.parts
        image, block = rest // pooling.blocks, rest % pooling.blocks
        source = pooling.source + image * pooling.source_image + block * pooling.source_plane
        out = pooling.out + image * pooling.out_image + block * pooling.out_plane
        top = divide(pooling.out_height, pooling.parts, part)
        end = divide(pooling.out_height, pooling.parts, part + 1)
        above = max(top * pooling.stride_y - padding, 0)
        below = min((end - 1) * pooling.stride_y - padding + size, pooling.height)
        for last in range(0 if separable else 1, 2):  # one place for all passes, as kernels are compiled for each
            across = (1, 1, 0) if separable and last else (size, pooling.stride_x, padding)
            down = (size, pooling.stride_y, padding) if last else (1, 1, 0)
            given = (scratch - above * pitch, pooling.out_width) if separable and last else (source, pooling.width)
            rows = (out, top, end) if last else (scratch - above * pitch, above, below)
            search_windows(given, pooling.height, across, down, rows, pooling.out_width)


@kernel
def search_windows(given: Any, height: int, across: Any, down: Any, rows: Any, out_width: int) -> None:
    """The largest value of each window.

    given: address of row 0, and pixels of a row; across and down: size, stride and padding; rows: address of output
    row 0, and the output rows to do, from the first to the one behind the last.
    """
    source, width = given
    size, stride, padding = across
    out, top, end = rows
    for out_row in range(top, end):
        first = out_row * down[1] - down[2]
        first_row, last_row = max(first, 0), min(first + down[0], height)
        place = out + out_row * out_width * LINE
        for out_column in range(out_width):
            left = out_column * stride - padding
            largest = splat(LOWEST)
            if size == 2 and last_row - first_row == 2 and left >= 0 and left + 2 <= width:
                at = source + (first_row * width + left) * LINE
                below = at + width * LINE
                upper = maximum(load(at), maximum(load(at + LINE), largest))
                largest = maximum(upper, maximum(load(below), load(below + LINE)))
            else:
                first_column, last_column = max(left, 0), min(left + size, width)
                for row in range(first_row, last_row):
                    for column in range(first_column, last_column):
                        largest = maximum(load(source + (row * width + column) * LINE), largest)
            store(place, largest)
            place += LINE


@operation(REPETITION)
def repeat_pixels(record: int, chunk: int, scratch: int) -> None:
    """Each pixel times ``scale``, as a square of ``stride`` pixels; the output is written in its order."""
    repetition = _read_repetition(record)
    image, block = chunk // repetition.blocks, chunk % repetition.blocks
    source = repetition.source + image * repetition.source_image + block * repetition.source_plane
    out = repetition.out + image * repetition.out_image + block * repetition.out_plane
    scale = splat(repetition.scale)
    for out_row in range(repetition.out_height):
        line = source + out_row // repetition.stride * repetition.width * LINE
        for column in range(repetition.width):
            pixel = multiply(load(line + column * LINE), scale)
            for _ in range(repetition.stride):
                store(out, pixel)
                out += LINE
